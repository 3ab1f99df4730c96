//! The built binary, and the emulator's own view of what it did.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ebs::Client as Ebs;
use relais_aws::{Place, SdkConfig};
use relais_ec2::images::Images;
use relais_host::http::{Client, Method};
use serde_json::Value;
use tempfile::TempDir;

use crate::between::{LONG, endpoint};
use crate::disk::Disk;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_publish-ami");
pub(crate) const HASH: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const REGION: &str = "eu-west-3";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A project of its own for each test, in a folder of its own.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
    pub(crate) name: String,
    pub(crate) parameter: String,
    /// Where the program believes AWS to be.
    pub(crate) url: String,
}

impl Project {
    pub(crate) fn new(url: &str) -> Self {
        let name = format!("it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let parameter = format!("/{name}/ami");
        Self { folder: tempfile::tempdir().unwrap(), name, parameter, url: url.to_owned() }
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.folder.path().join("relais.raw")
    }

    pub(crate) fn resume_file(&self) -> PathBuf {
        self.folder.path().join("relais.raw.publish.json")
    }

    pub(crate) fn build(&self, disk: &Disk) {
        disk.write(&self.image());
    }

    pub(crate) fn command(&self, version: &str, more: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--image", "relais.raw", "--project", &self.name, "--version", version, "--nar-hash", HASH]);
        command.args(["--region", REGION, "--endpoint", &self.url, "--json"]).args(more);
        command.current_dir(self.folder.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, version: &str, more: &[&str]) -> Output {
        let mut command = self.command(version, more);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Runs it to its good end; what it told.
    pub(crate) async fn publish(&self, version: &str, more: &[&str]) -> Value {
        let output = self.run(version, more).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The emulator, without anything between.
pub(crate) async fn account() -> SdkConfig {
    let place = Place { region: Some(REGION.to_owned()), endpoint: Some(endpoint()) };
    place.connect(LONG).await.unwrap()
}

pub(crate) async fn images() -> Images {
    Images::new(&account().await)
}

pub(crate) async fn parameter(name: &str) -> Option<String> {
    let ssm = aws_sdk_ssm::Client::new(&account().await);
    ssm.get_parameter().name(name).send().await.ok()?.parameter()?.value().map(str::to_owned)
}

/// The image, read back from the snapshot block by block; blocks that it has.
pub(crate) async fn read_back(snapshot: &str, length: u64) -> (Vec<u8>, usize) {
    let ebs = Ebs::new(&account().await);
    let list = ebs.list_snapshot_blocks().snapshot_id(snapshot).send().await.unwrap();
    let mut whole = vec![0; usize::try_from(length.next_multiple_of(524_288)).unwrap()];
    for block in list.blocks() {
        let (index, token) = (block.block_index().unwrap(), block.block_token().unwrap());
        let got = ebs.get_snapshot_block().snapshot_id(snapshot).block_index(index).block_token(token);
        let bytes = got.send().await.unwrap().block_data.collect().await.unwrap().into_bytes();
        let at = usize::try_from(index).unwrap() * 524_288;
        whole[at..at + 524_288].copy_from_slice(&bytes);
    }
    (whole, list.blocks().len())
}

pub(crate) fn same_as_file(whole: &[u8], path: &Path) -> bool {
    let file = std::fs::read(path).unwrap();
    whole[..file.len()] == file[..] && whole[file.len()..].iter().all(|byte| *byte == 0)
}

/// Any call of EC2 by its parameters; the answer's text.
pub(crate) async fn ec2(call: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = format!("Action={call}&Version=2016-11-15");
    for (name, value) in parameters {
        body += &format!("&{name}={}", value.replace('/', "%2F"));
    }
    // The emulator reads service and region from here and does not check the rest.
    let signed =
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-3/ec2/aws4_request, SignedHeaders=host, Signature=0";
    let headers = [("authorization", signed), ("content-type", "application/x-www-form-urlencoded")];
    let client = Client::new(LONG, 1 << 24);
    let answer = client.send(Method::POST, &format!("{}/", endpoint()), &headers, body.into()).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(answer.status.is_success(), "{text}");
    text
}

/// What stands in the first element of this name.
pub(crate) fn element(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split('<').next().unwrap().to_owned()
}

/// Starts a machine from an image and waits until it runs; its id.
pub(crate) async fn run_machine(project: &Project, ami: &str, role: &str) -> String {
    let page = ec2(
        "RunInstances",
        &[
            ("ImageId", ami),
            ("InstanceType", "t3.small"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "Project"),
            ("TagSpecification.1.Tag.1.Value", &project.name),
            ("TagSpecification.1.Tag.2.Key", "Role"),
            ("TagSpecification.1.Tag.2.Value", role),
        ],
    )
    .await;
    let id = element(&page, "instanceId");
    for _ in 0..600 {
        let page = ec2("DescribeInstances", &[("InstanceId.1", &id)]).await;
        if page.contains("<name>running</name>") {
            return id;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{id} never ran");
}
