//! An emulator of AWS on loopback: started when it is wanted, ended with everything it started.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::gate::Gate;

/// Below the folder of shared material: `cloud --port N`.
const PROGRAM: &str = "tools/cloud";
/// It installs itself from a package registry when it is first started.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(200);
/// Where everything is that a test makes.
pub(crate) const REGION: &str = "eu-west-3";

/// A running emulator.
pub(crate) struct Cloud {
    child: Child,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Its functions' folders, with their logs.
    pub(crate) folder: PathBuf,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // The functions it started are in its group.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Cloud {
    /// Starts it and waits until it listens; the inner error says why it cannot run here.
    pub(crate) fn start(gate: &Gate, arguments: &[String]) -> anyhow::Result<Result<Self, String>> {
        let program = gate.shared.join(PROGRAM);
        if !program.is_file() {
            return Ok(Err(format!("no {PROGRAM} in the folder RELAIS_SHARED (default ../shared)")));
        }
        let port = free_port()?;
        let (words, folder) = (gate.reports.join("emulator-process.log"), gate.reports.join("emulator"));
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let file = File::create(&words).with_context(|| format!("write {}", words.display()))?;
        let mut command = gate.command(&program);
        command.arg("--port").arg(port.to_string()).args(arguments).env("TMPDIR", &folder).process_group(0);
        command.stdin(Stdio::null()).stdout(file.try_clone().context("share a log")?).stderr(file);
        let mut cloud = match command.spawn() {
            Ok(child) => Self { child, port, folder },
            Err(error) => return Ok(Err(format!("the emulator does not start: {error}"))),
        };
        let started = SystemTime::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = cloud.child.try_wait().context("wait for the emulator")? {
                let said = std::fs::read_to_string(&words).unwrap_or_default();
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word about why").to_owned();
                return Ok(Err(format!("the emulator ended ({status}): {last}")));
            }
            if started.elapsed().is_ok_and(|elapsed| elapsed > PATIENCE) {
                return Ok(Err(format!("the emulator did not listen within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(POLL);
        }
        Ok(Ok(cloud))
    }

    /// Its address.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets a child reach it as if it were AWS. It takes any credentials; without them the SDK would look for a machine's
    /// role.
    pub(crate) fn reached_by(&self, command: &mut Command) {
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", REGION);
        command.env("RELAIS_AWS_ENDPOINT", self.endpoint()).env("AWS_ENDPOINT_URL", self.endpoint());
    }

    /// One call by hand, of a service whose SDK this crate would not be worth: the answer's body.
    pub(crate) fn call(&self, service: &str, header: &str, body: &str) -> anyhow::Result<String> {
        let mut link = TcpStream::connect(("127.0.0.1", self.port)).context("connect to the emulator")?;
        write!(
            link,
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{header}\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            body.len()
        )
        .context("ask the emulator")?;
        let mut answer = String::new();
        link.read_to_string(&mut answer).context("hear the emulator")?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the emulator's answer has no end of its head")?;
        ensure!(head.lines().next().is_some_and(|status| status.contains(" 200 ")), "the emulator answers {answer}");
        Ok(body.to_owned())
    }

    /// A call with JSON, by its target: `AmazonSSM.PutParameter`.
    pub(crate) fn json(&self, service: &str, target: &str, body: &serde_json::Value) -> anyhow::Result<String> {
        let header = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1");
        self.call(service, &header, &body.to_string())
    }
}

/// A port that is free at this moment.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).context("find a port")?;
    Ok(free.port())
}
