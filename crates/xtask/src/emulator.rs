//! The DynamoDB store against an emulator, which is started for it and ended after it.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use crate::gate::Gate;
use crate::process::Log;
use crate::steps::counted;
use crate::table::Outcome;

/// The emulator of AWS, below the folder of shared material: `cloud --port N`.
const PROGRAM: &str = "tools/cloud";
/// It installs itself from a package registry when it is first started.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(200);

/// A child that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the tests that need it.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let program = gate.shared.join(PROGRAM);
    if !program.is_file() {
        return Ok(Outcome::NotRun(format!("no {PROGRAM} in the folder RELAIS_SHARED (default ../shared)")));
    }
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).context("find a port")?.port();
    let words = gate.reports.join("emulator-process.log");
    let file = std::fs::File::create(&words).with_context(|| format!("write {}", words.display()))?;
    let mut emulator = gate.command(&program);
    emulator.arg("--port").arg(port.to_string()).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut emulator = match emulator.spawn() {
        Ok(child) => Running(child),
        Err(error) => return Ok(Outcome::NotRun(format!("the emulator does not start: {error}"))),
    };
    let started = SystemTime::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = emulator.0.try_wait().context("wait for the emulator")? {
            let said = std::fs::read_to_string(&words).unwrap_or_default();
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word about why").to_owned();
            return Ok(Outcome::NotRun(format!("the emulator ended ({status}): {last}")));
        }
        if started.elapsed().is_ok_and(|elapsed| elapsed > PATIENCE) {
            return Ok(Outcome::NotRun(format!("the emulator did not listen within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(POLL);
    }
    // The store alone, then two bots on it.
    let contract = ["--package", "relais-dynamodb", "--features", "emulator", "--no-fail-fast"];
    let bots = ["--package", "relais-watchdog-local", "--features", "aws", "--test", "it", "on_dynamodb"];
    let mut all = Vec::new();
    for arguments in [&contract[..], &bots[..]] {
        let mut tests = gate.cargo(&[&["test", "--locked"], arguments].concat());
        // The emulator takes any credentials; without them the SDK would look for a machine's role.
        tests.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        tests.env("RELAIS_AWS_ENDPOINT", format!("http://127.0.0.1:{port}"));
        all.push(counted(&log.run(tests, None)?));
    }
    Ok(all.into_iter().fold(Outcome::Ran { passed: 0, failed: 0, note: String::new() }, Outcome::and))
}
