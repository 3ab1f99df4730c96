//! What an invocation does, and what it leaves behind.

use std::process::Command;

use relais_bench::lambda::account::LittleAws;
use relais_bench::lambda::sandbox::Sandbox;
use relais_failover::health::SIGNATURE_HEADER;
use relais_failover::{ControlMode, ControlRecord, WallClock};
use relais_store::LeaseStore as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// `passes` are 5.8 s, a failure is confirmed after 1.2 s, and an answer may take 250 ms on a busy machine.
const PACE: f64 = 10.0;
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_watchdog-lambda");

async fn gone(pace: f64) -> LittleAws {
    LittleAws::with_the_laptop_gone(pace).await.unwrap()
}

async fn sandbox(aws: &LittleAws) -> Sandbox {
    Sandbox::start(Command::new(PROGRAM), aws).await.unwrap()
}

/// Whether it answered or failed, and with what.
async fn call(sandbox: &mut Sandbox, payload: Value, seconds: f64) -> (bool, Value) {
    let invoked = sandbox.invoke(payload, seconds).await.unwrap();
    (invoked.good, invoked.said)
}

fn schedule() -> Value {
    json!({ "reason": "schedule" })
}

/// The one line that CloudWatch reads metrics from.
fn metrics(log: &str) -> Value {
    let lines: Vec<&str> =
        log.lines().filter(|line| line.starts_with("{\"Alerts\"") || line.contains("\"_aws\"")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    serde_json::from_str(lines[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_without_the_laptop_starts_one_machine() {
    let aws = gone(PACE).await;
    let mut sandbox = sandbox(&aws).await;
    let (good, answer) = call(&mut sandbox, schedule(), 66.0).await;
    assert!(good, "{answer}");
    assert_eq!((&answer["desired"], &answer["coming"], &answer["probe"]), (&json!("on"), &json!(true), &json!("tcp")));
    assert!(answer["looks"].as_u64().unwrap() >= 5, "{answer}");
    assert_eq!(aws.seen().tokens.len(), 1);
    let watch = aws.store.read_watch().await.unwrap().unwrap();
    assert_eq!(aws.seen().tokens[0], format!("{}-0", watch.start_token()));

    let log = sandbox.log();
    let metrics = metrics(&log);
    let directive = &metrics["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Relais"), &json!([["Project"]])));
    let named: Vec<&str> =
        directive["Metrics"].as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect();
    assert_eq!(named, ["LookMs", "Looks", "ProbeOk", "LeaseFresh", "Switches", "Alerts", "StandbyRunningSeconds"]);
    assert!(named.iter().all(|name| metrics[*name].is_number()), "{metrics}");
    assert_eq!((&metrics["Project"], &metrics["Switches"]), (&json!("relais"), &json!(1)));
    assert_eq!(metrics["Looks"], answer["looks"]);
    // Every line is JSON, so that the log can be queried.
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_at_once_start_one_machine() {
    let aws = gone(PACE).await;
    let (mut one, mut two) = (sandbox(&aws).await, sandbox(&aws).await);
    for _ in 0..2 {
        let (first, second) = tokio::join!(call(&mut one, schedule(), 66.0), call(&mut two, schedule(), 66.0));
        assert!(first.0 && second.0, "{first:?} {second:?}");
    }
    let mut tokens = aws.seen().tokens.clone();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "every call has the same token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_is_answered_once_the_standby_is_on_its_way() {
    let aws = gone(PACE).await;
    let mut sandbox = sandbox(&aws).await;
    let wish = ControlRecord {
        schema: 1,
        mode: ControlMode::ForceCloud,
        until: WallClock(u64::MAX / 2),
        reason: "lid".to_owned(),
        by: None,
    };
    aws.store.put_control(&wish).await.unwrap();
    let (good, answer) = call(&mut sandbox, json!({ "reason": "handover" }), 66.0).await;
    assert!(good, "{answer}");
    assert_eq!((&answer["reason"], &answer["looks"]), (&json!("handover"), &json!(1)));
    assert_eq!((&answer["coming"], &answer["action"]), (&json!(true), &json!("launch")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_an_error_with_the_way_out_and_comes_back_by_itself() {
    let aws = gone(PACE).await;
    let mut sandbox = sandbox(&aws).await;
    for placeholder in [None, Some("unset")] {
        aws.seen().parameters =
            placeholder.map(|value| ("/relais/health-key".to_owned(), value.to_owned())).into_iter().collect();
        let (good, answer) = call(&mut sandbox, schedule(), 66.0).await;
        assert!(!good, "{answer}");
        let said = answer["errorMessage"].as_str().unwrap();
        assert!(said.contains("/relais/health-key") && said.contains("aws ssm put-parameter"), "{said}");
    }
    assert!(aws.seen().tokens.is_empty());
    aws.seen().parameters = vec![("/relais/health-key".to_owned(), "a-key".to_owned())];
    assert!(call(&mut sandbox, schedule(), 66.0).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_comes_before_the_next_look() {
    // At its real pace the looks would go on for a minute.
    let aws = gone(1.0).await;
    let mut sandbox = sandbox(&aws).await;
    let (good, answer) = call(&mut sandbox, schedule(), 6.0).await;
    assert!(good, "{answer}");
    assert_eq!(answer["looks"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_kept_between_invocations() {
    let aws = gone(PACE).await;
    let mut sandbox = sandbox(&aws).await;
    for _ in 0..3 {
        assert!(call(&mut sandbox, schedule(), 6.0).await.0);
    }
    assert_eq!(aws.seen().reads, 1);
    assert!(!sandbox.log().contains("a-key"));
}

/// Somebody who answers for the laptop and does not have its key.
async fn impostor() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let answer = format!("HTTP/1.1 200 OK\r\n{SIGNATURE_HEADER}: 00\r\ncontent-length: 2\r\n\r\n{{}}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impostor_is_told_of_once_and_does_not_make_every_look_read_the_key() {
    let mut aws = gone(PACE).await;
    aws.health = impostor().await;
    let mut sandbox = sandbox(&aws).await;
    for _ in 0..2 {
        let (good, answer) = call(&mut sandbox, schedule(), 66.0).await;
        assert!(good && answer["desired"] != "off", "{answer}");
        let told = aws.seen().published.clone();
        let forged = told.iter().filter(|said| said.starts_with("relais: ") && said.contains("wrong signature"));
        assert_eq!(forged.count(), 1, "{told:?}");
    }
    assert_eq!(aws.seen().reads, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_reason_is_refused_by_name() {
    let aws = gone(PACE).await;
    let mut sandbox = sandbox(&aws).await;
    let (good, answer) = call(&mut sandbox, json!({ "reason": "sleep" }), 66.0).await;
    assert!(!good && answer["errorMessage"].as_str().unwrap().contains("sleep"), "{answer}");
}
