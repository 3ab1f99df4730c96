//! `terraform/`: formatted, valid, and its own tests, with a provider that is mocked. Works on a copy below `target`, so that
//! nothing is left in the source.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::gate::Gate;
use crate::process::{Finished, Log};
use crate::table::Outcome;

/// Formats, validates and tests the root; each run of `terraform test` counts as one.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if Command::new("terraform").arg("version").output().is_err() {
        return Ok(Outcome::NotRun("terraform is not installed".to_owned()));
    }
    let copy = gate.reports.join("terraform");
    if copy.exists() {
        std::fs::remove_dir_all(&copy).with_context(|| format!("empty {}", copy.display()))?;
    }
    copy_root(&gate.root.join("terraform"), &copy)?;
    let terraform = |arguments: &[&str]| -> anyhow::Result<Finished> {
        let mut command = gate.command("terraform");
        command.current_dir(&copy).args(arguments).env("TF_IN_AUTOMATION", "1");
        // A configuration that is named and not there is a warning on each line.
        if std::env::var_os("TF_CLI_CONFIG_FILE").is_some_and(|file| !Path::new(&file).is_file()) {
            command.env_remove("TF_CLI_CONFIG_FILE");
        }
        log.run(command, None)
    };
    if !terraform(&["fmt", "-check", "-recursive", "-no-color"])?.success {
        return Ok(Outcome::failed("not formatted: `terraform fmt -recursive terraform`"));
    }
    let init = terraform(&["init", "-backend=false", "-input=false", "-no-color"])?;
    if !init.success {
        let why = init.text.lines().find(|line| line.contains("Error:")).unwrap_or("see the log");
        return Ok(Outcome::NotRun(format!("terraform has no provider: {why}")));
    }
    if !terraform(&["validate", "-no-color"])?.success {
        return Ok(Outcome::failed("not valid: see the log"));
    }
    let tests = terraform(&["test", "-no-color"])?;
    Ok(match counted(&tests.text) {
        Some((passed, failed)) => {
            // Files that end in an error without a failed run are a failure all the same.
            let failed = if tests.success { failed } else { failed.max(1) };
            Outcome::Ran { passed, failed, note: "runs of `terraform test`".to_owned() }
        }
        None => Outcome::failed(format!("no test ran: {}", tests.ending)),
    })
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
        } else if matches!(path.extension().and_then(OsStr::to_str), Some("tf" | "hcl")) && !hidden {
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
