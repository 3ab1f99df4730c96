//! `terraform/`: formatted, valid, its own tests with a provider that is mocked, and the proof about rights. Works on a copy
//! below `target`, so that nothing is left in the source.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::gate::Gate;
use crate::iam;
use crate::process::{Finished, Log};
use crate::table::Outcome;

/// The numbers of the protocol. The root finds them beside itself, its copy does not.
const POLICY: &str = "crates/failover/policy.json";
/// The runs whose policies are judged, one for each mode.
const POLICIES: &str = "-filter=tests/policies.tftest.hcl";

/// Formats, validates and tests the root; each run of `terraform test` and each request about rights counts as one.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if !is_installed() {
        return Ok(Outcome::NotRun("terraform is not installed".to_owned()));
    }
    let root = Root::copied(gate, gate.reports.join("terraform"))?;
    let terraform = |arguments: &[&str]| log.run(root.command(arguments), None);
    if !terraform(&["fmt", "-check", "-recursive", "-no-color"])?.success {
        return Ok(Outcome::failed("not formatted: `terraform fmt -recursive terraform`"));
    }
    let init = terraform(&["init", "-backend=false", "-input=false", "-no-color"])?;
    if let Err(why) = has_a_provider(&init) {
        return Ok(Outcome::NotRun(why));
    }
    if !terraform(&["validate", "-no-color"])?.success {
        return Ok(Outcome::failed("not valid: see the log"));
    }
    let tests = ran(&terraform(&["test", "-no-color"])?);
    let rights = match root.rights(log) {
        Ok(outcome) => outcome,
        Err(error) => {
            log.say(&format!("rights: {error:#}"))?;
            Outcome::failed(format!("rights: {error:#}"))
        }
    };
    Ok(tests.and(rights))
}

/// Whether there is a Terraform.
pub(crate) fn is_installed() -> bool {
    Command::new("terraform").arg("version").output().is_ok()
}

/// Whether `terraform init` found its provider; else why not.
pub(crate) fn has_a_provider(init: &Finished) -> Result<(), String> {
    if init.success {
        return Ok(());
    }
    let why = init.text.lines().find(|line| line.contains("Error:")).unwrap_or("see the log");
    Err(format!("terraform has no provider: {why}"))
}

/// A copy of the root.
pub(crate) struct Root<'a> {
    gate: &'a Gate,
    copy: PathBuf,
}

impl<'a> Root<'a> {
    /// A new one, in a folder that is emptied for it.
    pub(crate) fn copied(gate: &'a Gate, copy: PathBuf) -> anyhow::Result<Self> {
        if copy.exists() {
            std::fs::remove_dir_all(&copy).with_context(|| format!("empty {}", copy.display()))?;
        }
        copy_root(&gate.root.join("terraform"), &copy)?;
        Ok(Self { gate, copy })
    }

    /// Lets the copy speak to an emulator on this port instead of AWS.
    pub(crate) fn point_at(&self, port: u16) -> anyhow::Result<()> {
        let text = include_str!("emulator_override.tf.txt").replace("@PORT@", &port.to_string());
        let path = self.copy.join("emulator_override.tf");
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// `terraform` in the copy, with the numbers of the protocol.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.gate.command("terraform");
        command.current_dir(&self.copy).args(arguments).env("TF_IN_AUTOMATION", "1");
        command.env("TF_VAR_policy_file", self.gate.root.join(POLICY));
        // A configuration that is named and not there is a warning on each line.
        if std::env::var_os("TF_CLI_CONFIG_FILE").is_some_and(|file| !Path::new(&file).is_file()) {
            command.env_remove("TF_CLI_CONFIG_FILE");
        }
        command
    }

    /// Judges the rendered policies.
    fn rights(&self, log: &Log) -> anyhow::Result<Outcome> {
        log.say("$ terraform test -json -verbose (its states, tens of megabytes, are read and not shown)")?;
        let output = self.command(&["test", "-json", "-verbose", POLICIES]).output().context("start terraform")?;
        ensure!(output.status.success(), "the policies cannot be rendered: see the runs above");
        let report = iam::judge(&String::from_utf8_lossy(&output.stdout))?;
        for failure in &report.failures {
            log.say(&format!("rights: {failure}"))?;
        }
        let failed = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
        let note = format!("{} requests about rights, {} changes to policies noticed", report.passed, report.changes);
        log.say(&format!("rights: {note}, {failed} failed"))?;
        Ok(Outcome::Ran { passed: report.passed, failed, note })
    }
}

fn ran(tests: &Finished) -> Outcome {
    match counted(&tests.text) {
        Some((passed, failed)) => {
            // Files that end in an error without a failed run are a failure all the same.
            let failed = if tests.success { failed } else { failed.max(1) };
            Outcome::Ran { passed, failed, note: format!("{passed} runs of `terraform test`") }
        }
        None => Outcome::failed(format!("no test ran: {}", tests.ending)),
    }
}

/// The last line of `terraform test`: `Success! 13 passed, 0 failed.`
fn counted(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().rfind(|line| line.contains(" passed, ") && line.contains(" failed"))?;
    let before = |word: &str| line.split(word).next()?.split(' ').next_back()?.parse().ok();
    Some((before(" passed")?, before(" failed")?))
}

/// Copies what Terraform reads; what a run of it left in the source stays there.
fn copy_root(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let hidden = name.to_string_lossy().starts_with('.');
        if path.is_dir() && !hidden {
            copy_root(&path, &to.join(&name))?;
        } else if matches!(path.extension().and_then(OsStr::to_str), Some("tf" | "hcl" | "json")) && !hidden {
            std::fs::copy(&path, to.join(&name)).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn runs_are_counted_from_the_last_line() {
        assert_eq!(counted("  run \"a\"... pass\n\nSuccess! 13 passed, 0 failed.\n"), Some((13, 0)));
        assert_eq!(counted("Failure! 2 passed, 1 failed, 3 skipped.\n"), Some((2, 1)));
        assert_eq!(counted("Error: no configuration files\n"), None);
    }
}
