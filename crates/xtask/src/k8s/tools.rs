//! The programs that the step leans on. One that is missing is a reason, never a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::gate::Gate;
use crate::process::Log;

const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Kubernetes versions whose schemas every object must fit.
pub(crate) const VERSIONS: &[&str] = &["1.33", "1.34", "1.35", "1.36", "1.37"];

/// Whether a program starts at all.
fn starts(program: &str, argument: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The command that renders a folder: `kubectl kustomize` or `kustomize build`.
pub(crate) fn renderer() -> Option<&'static [&'static str]> {
    const KNOWN: &[(&[&str], &str)] = &[(&["kubectl", "kustomize"], "--help"), (&["kustomize", "build"], "--help")];
    let found =
        |(command, help): &&(&[&str], &str)| matches!(command, [program, verb] if starts(program, &[verb, help]));
    KNOWN.iter().find(found).map(|(command, _)| *command)
}

/// Renders one folder.
///
/// # Errors
/// The renderer refused, in its own words.
pub(crate) fn render(renderer: &[&str], folder: &Path) -> anyhow::Result<String> {
    let (program, verb) = renderer.split_first().context("a renderer")?;
    let output = Command::new(program).args(verb).arg(folder).output().with_context(|| format!("start {program}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", folder.display(), words.lines().next().unwrap_or("no word about why"));
    String::from_utf8(output.stdout).context("read what was rendered")
}

/// `kubernetes-validate`: on the PATH, or in an environment that is made once, or why there is none.
pub(crate) fn validator(gate: &Gate, log: &Log) -> anyhow::Result<Result<PathBuf, String>> {
    let folder = gate.target.join("tools").join("kubernetes-validate");
    let (own, mark) = (folder.join("venv/bin/kubernetes-validate"), folder.join("installed.txt"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(Ok(own));
    }
    if !starts("python3", &["--version"]) {
        return Ok(Err("python3 is not installed, so there is no kubernetes-validate".to_owned()));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS).with_context(|| format!("write {}", requirements.display()))?;
    let mut make = gate.command("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder.join("venv"));
    let mut install = gate.command(folder.join("venv/bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    install.arg(&requirements);
    for command in [make, install] {
        let finished = log.run(command, None)?;
        if !finished.success {
            let why = finished.text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word about why");
            return Ok(Err(format!("kubernetes-validate cannot be installed: {why}")));
        }
    }
    std::fs::write(&mark, REQUIREMENTS).with_context(|| format!("write {}", mark.display()))?;
    Ok(Ok(own))
}

/// Whether every object of these files fits the schemas of that version, with no key beyond them.
pub(crate) fn fits(gate: &Gate, log: &Log, validator: &Path, version: &str, files: &[PathBuf]) -> anyhow::Result<bool> {
    let mut command = gate.command(validator);
    command.args(["--strict", "--quiet", "--kubernetes-version", version]).args(files);
    Ok(log.run(command, None)?.success)
}

/// `promtool`, or why there is none.
pub(crate) fn promtool() -> Result<&'static str, String> {
    let missing = || "promtool is not installed (Debian's package prometheus has it)".to_owned();
    starts("promtool", &["--version"]).then_some("promtool").ok_or_else(missing)
}

/// Our own program as the step `tests` built it, if it did.
pub(crate) fn program(gate: &Gate, name: &str) -> Result<PathBuf, String> {
    let path = gate.target.join("debug").join(name);
    path.is_file().then_some(path).ok_or_else(|| format!("{name} is not built yet (the step `tests` builds it)"))
}
