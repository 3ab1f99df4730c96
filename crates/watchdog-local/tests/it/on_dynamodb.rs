//! Two bot processes on one DynamoDB table of an emulator (`RELAIS_AWS_ENDPOINT`): the bot moves there and back as it does
//! on any store. `cargo xtask check --only emulator` starts one and runs this.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::bot_process::Site;
use crate::command::PROGRAM;
use crate::operators_move_the_bot::{operated, there_and_back};

pub(crate) const REGION: &str = "eu-west-3";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Where the emulator is, `127.0.0.1:5001`.
pub(crate) fn emulator() -> String {
    let endpoint = std::env::var("RELAIS_AWS_ENDPOINT").unwrap_or_default();
    let host = endpoint.strip_prefix("http://").unwrap_or_default().to_owned();
    assert!(!host.is_empty(), "RELAIS_AWS_ENDPOINT is not set to http://host:port");
    host
}

/// Makes an empty table; its name.
pub(crate) async fn make_table(host: &str) -> String {
    let host = host.to_owned();
    tokio::task::spawn_blocking(move || make(&host)).await.unwrap()
}

/// By hand: no program of Relais makes tables.
fn make(host: &str) -> String {
    let name = format!("relais-bots-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let body = json!({
        "TableName": name, "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "AttributeDefinitions": [text("pk"), text("sk")],
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 5 },
    })
    .to_string();
    let mut link = TcpStream::connect(host).unwrap();
    let credential = format!("Credential=test/20260101/{REGION}/dynamodb/aws4_request");
    write!(
        link,
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Amz-Target: DynamoDB_20120810.CreateTable\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    link.read_to_string(&mut answer).unwrap();
    assert!(answer.lines().next().is_some_and(|status| status.contains(" 200 ")), "{answer}");
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sites_on_one_table_hand_over_there_and_back() {
    let host = emulator();
    let table = make_table(&host).await;
    let url = format!("dynamodb:{table}?region={REGION}&endpoint=http://{host}");
    // Nearer to real time than the other stores' test: each request is a way there and back.
    there_and_back(Site::on(tempfile::tempdir().unwrap(), &url, 4.0, operated).await).await;
}

#[test]
fn a_machine_without_credentials_or_region_is_told_the_way_out() {
    for (store, says) in [
        ("dynamodb:relais?region=eu-west-3", "set AWS_ACCESS_KEY_ID"),
        ("dynamodb:relais", "no region: name it, as in dynamodb:table?region="),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut init = Command::new(PROGRAM);
        init.args(["init", "--store", store])
            .env_clear()
            .env("HOME", home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output = init.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(says), "{store}: {said}");
    }
}
