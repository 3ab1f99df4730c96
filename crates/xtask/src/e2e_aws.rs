//! `cargo xtask e2e-aws`: the whole cloud half against an emulator of AWS, from an image to nothing left.
//!
//! Real are: `publish-ami`, Terraform and its provider, the watchdog's zip under a real Runtime API, two sites' bot and
//! health processes on the DynamoDB store, kills, drains. The emulator's machines are records: the cloud site's processes
//! are started and ended here as the records change. Everything runs at [`PACE`] times the protocol's speed, from one policy.

mod image;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, bail, ensure};
use relais_failover::Policy;
use serde_json::{Value, json};

use crate::cloud::{Cloud, REGION, free_port};
use crate::files::below;
use crate::gate::Gate;
use crate::process::Log;
use crate::steps::CLOUD;
use crate::table::Outcome;
use crate::terraform::{self, Root};
use crate::watchdog_zip;

/// Quick enough for a coffee, slow enough for an emulator that takes one request after the other.
const PACE: f64 = 4.0;
/// Signs the laptop's health. It must stand in no state, plan or log.
const HEALTH_KEY: &str = "a-key-that-must-be-found-nowhere-0123456789";
const NAME: &str = "relais";

/// How the standby is switched on: both modes of `terraform/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// A machine a time, from the template.
    Launch,
    /// One machine, started and stopped.
    Stopped,
}

impl Mode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Stopped => "stopped",
        }
    }
}

/// Runs it; whether everything held.
pub(crate) fn run(gate: &Gate, mode: Mode, shipped: bool) -> anyhow::Result<bool> {
    let log = Log::create(&gate.reports.join("e2e-aws.log"))?;
    match play(gate, &log, mode, shipped)? {
        Outcome::Ran { failed, note, .. } => {
            println!("\ne2e-aws ({}): {note}", mode.as_str());
            Ok(failed == 0)
        }
        Outcome::NotRun(why) => bail!("not run: {why}"),
    }
}

/// One account from its beginning to its end. `shipped`: with the watchdog as it is shipped, which takes minutes to build.
fn play(gate: &Gate, log: &Log, mode: Mode, shipped: bool) -> anyhow::Result<Outcome> {
    if !terraform::is_installed() {
        return Ok(Outcome::NotRun("terraform is not installed".to_owned()));
    }
    let built = step("build the programs", || build(gate, log, shipped))?;
    // A schedule's minute and the machine's times at the same pace; see the small EC2 of the rehearsal for where they come from.
    let paced = |seconds: f64| (seconds / PACE).to_string();
    let arguments =
        ["--tick", &paced(60.0), "--start-delay", &paced(16.0), "--stop-delay", &paced(10.0)].map(str::to_owned);
    let cloud = match step("start the emulator", || Cloud::start(gate, &arguments))? {
        Ok(cloud) => cloud,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let folder = gate.reports.join("e2e-aws");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let account = Account::new(gate, log, &cloud, &folder, &built, mode)?;
    step("publish an image", || account.publish())?;
    if let Err(why) = step("terraform init", || account.init())? {
        return Ok(Outcome::NotRun(why));
    }
    step("terraform apply", || account.apply())?;
    let played = account.use_it();
    // What was made is taken down whatever became of it.
    let taken_down = step("terraform destroy", || account.destroy());
    let drilled = played?;
    taken_down?;
    step("look for what is left", || account.nothing_is_left())?;
    ensure!(drilled, "a promise broke: see the table above");
    Ok(Outcome::passed("published, applied, no drift, failed over and back, destroyed, nothing left"))
}

/// Says what is done and how long it took.
fn step<T>(what: &str, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("\n--- {what}");
    let began = SystemTime::now();
    let done = act().with_context(|| what.to_owned())?;
    println!("--- {what}: {:.1} s", began.elapsed().unwrap_or_default().as_secs_f64());
    Ok(done)
}

struct Built {
    watchdog_zip: PathBuf,
    programs: PathBuf,
}

fn build(gate: &Gate, log: &Log, shipped: bool) -> anyhow::Result<Built> {
    // The selection and features of the gate's tests, which have compiled all of it.
    let built = gate.run_cargo(&[&["build", "--locked", "--workspace", "--bins"], CLOUD].concat(), log)?;
    ensure!(built.success, "build: {}", built.ending);
    let programs = gate.target.join("debug");
    let watchdog_zip = if shipped {
        watchdog_zip::build(gate, log)?
    } else {
        let zip = gate.reports.join("watchdog-lambda.zip");
        watchdog_zip::pack(&programs.join("watchdog-lambda"), &zip)?;
        zip
    };
    Ok(Built { watchdog_zip, programs })
}

struct Account<'a> {
    log: &'a Log,
    gate: &'a Gate,
    cloud: &'a Cloud,
    folder: &'a Path,
    built: &'a Built,
    root: Root<'a>,
    policy: PathBuf,
    public: String,
    mode: Mode,
}

impl<'a> Account<'a> {
    fn new(
        gate: &'a Gate,
        log: &'a Log,
        cloud: &'a Cloud,
        folder: &'a Path,
        built: &'a Built,
        mode: Mode,
    ) -> anyhow::Result<Self> {
        let policy = folder.join("policy.json");
        write(&policy, &Policy::embedded().paced(PACE)?.to_json())?;
        let root = Root::copied(gate, folder.join("terraform"))?;
        root.point_at(cloud.port)?;
        let public = format!("127.0.0.1:{}", free_port()?);
        Ok(Self { log, gate, cloud, folder, built, root, policy, public, mode })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.gate.command(self.built.programs.join(program));
        self.cloud.reached_by(&mut command);
        command
    }

    fn publish(&self) -> anyhow::Result<()> {
        let image = self.folder.join("relais.raw");
        image::write(&image)?;
        let mut publish = self.command("publish-ami");
        publish.arg("--image").arg(&image).args(["--project", NAME, "--version", env!("CARGO_PKG_VERSION")]);
        publish.args(["--nar-hash", "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "--region", REGION]);
        let published = self.log.run(publish, None)?;
        ensure!(published.success, "{}", published.ending);
        Ok(())
    }

    fn terraform(&self, arguments: &[&str]) -> anyhow::Result<crate::process::Finished> {
        let mut command = self.root.command(arguments);
        let mut variable = |name: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            command.env(format!("TF_VAR_{name}"), value);
        };
        variable("policy_file", &self.policy);
        variable("watchdog_zip", &self.built.watchdog_zip);
        variable("laptop_health_url", &format!("http://{}/health", self.public));
        variable("standby_mode", &self.mode.as_str());
        // Or nothing could be destroyed.
        variable("table_is_protected", &"false");
        self.log.run(command, None)
    }

    fn init(&self) -> anyhow::Result<Result<(), String>> {
        let init = self.terraform(&["init", "-input=false", "-no-color"])?;
        Ok(terraform::has_a_provider(&init))
    }

    fn apply(&self) -> anyhow::Result<()> {
        let applied = self.terraform(&["apply", "-auto-approve", "-input=false", "-no-color"])?;
        ensure!(applied.success, "{}", applied.ending);
        self.no_drift()
    }

    fn no_drift(&self) -> anyhow::Result<()> {
        let plan = self.terraform(&["plan", "-detailed-exitcode", "-input=false", "-no-color"])?;
        ensure!(plan.success, "a second plan has changes, see above ({})", plan.ending);
        Ok(())
    }

    /// Secrets by hand, a failover, and what must not have come of it.
    fn use_it(&self) -> anyhow::Result<bool> {
        step("put the health key there, by hand", || {
            let name = format!("/{NAME}/health-key");
            let put = json!({ "Name": name, "Value": HEALTH_KEY, "Type": "SecureString", "Overwrite": true });
            self.cloud.json("ssm", "AmazonSSM.PutParameter", &put).map(drop)
        })?;
        let drilled = step("fail over and come home", || self.drill())?;
        step("look for drift after it", || self.no_drift())?;
        step("look for the key in state and logs", || self.key_is_nowhere())?;
        self.watchdog_looked()?;
        Ok(drilled)
    }

    fn drill(&self) -> anyhow::Result<bool> {
        let (key, described) = (self.folder.join("health.key"), self.folder.join("account.json"));
        write(&key, HEALTH_KEY)?;
        let store = format!("dynamodb:{NAME}?region={REGION}&endpoint={}", self.cloud.endpoint());
        let account = json!({
            "store": store,
            // Only looked at, so the mode that names no template does for both.
            "standby": { "kind": "stopped", "project": NAME },
            "public": self.public,
            "health_key_file": key,
        });
        write(&described, &account.to_string())?;
        let mut drill = self.command("watchdog-local");
        drill.arg("drill").arg("--account").arg(&described).arg("--pace").arg(PACE.to_string());
        drill.arg("--json").arg(self.gate.reports.join("e2e-aws.json"));
        drill.arg("--html").arg(self.gate.reports.join("e2e-aws.html"));
        drill.arg("--keep-logs").arg(self.folder.join("logs"));
        let drilled = self.log.run(drill, None)?;
        let text = std::fs::read_to_string(self.gate.reports.join("e2e-aws.json")).context("read the report")?;
        let report: Value = serde_json::from_str(&text).context("read the report as JSON")?;
        let scene = &report["scenes"][0];
        for key in [
            "speakers_max",
            "acknowledged",
            "lost",
            "duplicates",
            "missed",
            "outage_ms",
            "starts",
            "stops",
            "violations",
        ] {
            println!("{key}: {}", scene[key]);
        }
        Ok(drilled.success && scene["passed"] == true)
    }

    fn key_is_nowhere(&self) -> anyhow::Result<()> {
        for entry in below(self.folder)?.into_iter().chain(below(&self.cloud.folder)?) {
            // The provider is a program of hundreds of megabytes.
            if entry.components().any(|part| part.as_os_str() == "providers") {
                continue;
            }
            // Where it is put, and where a rehearsal that broke a promise keeps a site's own files.
            if entry.file_name().is_some_and(|name| name == "health.key" || name == "key") {
                continue;
            }
            let bytes = std::fs::read(&entry).unwrap_or_default();
            let found = bytes.windows(HEALTH_KEY.len()).any(|window| window == HEALTH_KEY.as_bytes());
            ensure!(!found, "the health key stands in {}", entry.display());
        }
        Ok(())
    }

    /// The function's own log: looks, and metrics.
    fn watchdog_looked(&self) -> anyhow::Result<()> {
        let logs =
            below(&self.cloud.folder)?.into_iter().filter(|path| path.file_name().is_some_and(|name| name == "log"));
        let text: String = logs.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        let looks = text.lines().filter(|line| line.contains("\"message\":\"looked\"")).count();
        let metrics = text.lines().filter(|line| line.contains("\"_aws\"")).count();
        println!("the watchdog looked {looks} times in {metrics} invocations");
        ensure!(looks > 0 && metrics > 0, "the watchdog's log has no look and no metric");
        Ok(())
    }

    fn destroy(&self) -> anyhow::Result<()> {
        let destroyed = self.terraform(&["destroy", "-auto-approve", "-input=false", "-no-color"])?;
        ensure!(destroyed.success, "{}", destroyed.ending);
        Ok(())
    }

    fn nothing_is_left(&self) -> anyhow::Result<()> {
        let state = self.terraform(&["state", "list", "-no-color"])?;
        ensure!(state.text.trim().is_empty(), "the state still has {}", state.text.trim());
        let ec2 = |action: &str| {
            let header = "Content-Type: application/x-www-form-urlencoded";
            let body = format!("Action={action}&Version=2016-11-15&Filter.1.Name=tag:Project&Filter.1.Value.1={NAME}");
            self.cloud.call("ec2", header, &body)
        };
        for action in ["DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeLaunchTemplates"] {
            let said = ec2(action)?;
            ensure!(!said.contains("<item>"), "{action} still has something: {said}");
        }
        let machines = ec2("DescribeInstances")?;
        let alive = ["pending", "running", "stopping", "stopped"]
            .iter()
            .any(|state| machines.contains(&format!("<name>{state}</name>")));
        ensure!(!alive, "a machine is left: {machines}");
        let tables = self.cloud.json("dynamodb", "DynamoDB_20120810.ListTables", &json!({}))?;
        ensure!(!tables.contains(NAME), "a table is left: {tables}");
        let parameters = self.cloud.json("ssm", "AmazonSSM.DescribeParameters", &json!({}))?;
        ensure!(!parameters.contains("health-key"), "a parameter is left: {parameters}");
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
