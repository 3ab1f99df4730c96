//! One run of the gate: where things are, and the loop over the steps.

use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use crate::process::{Finished, Log};
use crate::steps;
use crate::table::{self, Outcome, Row};

/// Where everything is, and how children are started.
pub(crate) struct Gate {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// Logs and reports of this run: `target/gate`.
    pub(crate) reports: PathBuf,
    /// The folder with material that is not part of the repository (`RELAIS_SHARED`, else `../shared`).
    pub(crate) shared: PathBuf,
    colour: bool,
}

impl Gate {
    /// Finds everything.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().with_context(|| format!("find the repository at {}", root.display()))?;
        let from_env = |name: &str, default: &str| {
            root.join(std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into()))
        };
        let target = from_env("CARGO_TARGET_DIR", "target");
        let shared = from_env("RELAIS_SHARED", "../shared");
        let reports = target.join("gate");
        std::fs::create_dir_all(&reports).with_context(|| format!("make {}", reports.display()))?;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        // Tests run in the folder of their crate, so the way to the material must not depend on the folder.
        let shared = shared.canonicalize().unwrap_or(shared);
        Ok(Self { root, target, reports, shared, colour })
    }

    /// A child that starts in the repository, with the gate's environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("RELAIS_SHARED", &self.shared).env("CARGO_TERM_PROGRESS_WHEN", "never");
        if std::env::var_os("CARGO_TERM_COLOR").is_none() {
            command.env("CARGO_TERM_COLOR", if self.colour { "always" } else { "never" });
        }
        // A build that is thrown away gains nothing from incremental files and pays for them in time and disk.
        if std::env::var_os("CI").is_some() && std::env::var_os("CARGO_INCREMENTAL").is_none() {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    /// `cargo` with arguments, the same cargo that runs the gate.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// Runs `cargo` with arguments to its end, streamed and logged.
    pub(crate) fn run_cargo(&self, arguments: &[&str], log: &Log) -> anyhow::Result<Finished> {
        log.run(self.cargo(arguments), None)
    }

    /// Fails with the way to get it if a part of the toolchain is missing.
    pub(crate) fn needs_component(&self, cargo_command: &str, component: &str) -> anyhow::Result<()> {
        match self.cargo(&[cargo_command, "--version"]).output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(_) | Err(_) => bail!(
                "`cargo {cargo_command}` is not installed: `rustup component add {component}`, or your \
                 distribution's package for it"
            ),
        }
    }
}

/// Runs the chosen steps in order, prints the table and the count; whether nothing failed.
pub(crate) fn check(chosen: &dyn Fn(&str) -> bool) -> anyhow::Result<bool> {
    let gate = Gate::new()?;
    drill_report_is_forgotten(&gate)?;
    let mut rows = Vec::new();
    for step in steps::ALL {
        if !chosen(step.name) {
            rows.push(Row::new(step.name, 0.0, Outcome::NotRun("left out on the command line".to_owned())));
            continue;
        }
        let path = gate.reports.join(format!("{}.log", step.name));
        println!("\n=== {}: {}", step.name, step.what);
        let started = SystemTime::now();
        let outcome = Log::create(&path).and_then(|log| (step.run)(&gate, &log)).unwrap_or_else(|error| {
            println!("error: {error:#}");
            Outcome::failed(format!("{error:#}"))
        });
        let row = Row::new(step.name, started.elapsed().unwrap_or_default().as_secs_f64(), outcome);
        let shown = path.strip_prefix(&gate.root).unwrap_or(&path).display();
        println!("--- {}: {} after {:.1} s, log {shown}", step.name, row.verdict(), row.seconds);
        rows.push(row);
    }
    print!("\n{}", table::render(&rows));
    let (passed, failed) = table::totals(&rows);
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// A report of an earlier run must not be taken for one of this run.
fn drill_report_is_forgotten(gate: &Gate) -> anyhow::Result<()> {
    let path = gate.reports.join("drill.json");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
