//! How the files in Nix's language are written: formatted as `nix fmt` does it, and without anything that nothing uses. Needs
//! no Nix.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::gate::Gate;
use crate::installed::Program;
use crate::process::Log;

/// Formats as nixpkgs' nixfmt does, and reads every file to do so.
const FORMATTER: Program = Program { package: "nixfmt_rs", version: "0.5.3", binary: "nixfmt" };
const DEAD_CODE: Program = Program { package: "deadnix", version: "1.3.1", binary: "deadnix" };
/// A file that each must refuse.
const UGLY: &str = "{ a, b }:\nlet c = 1; in a\n";

/// What came of it: what passed, what failed in words, and what could not be looked at.
#[derive(Default)]
pub(crate) struct Style {
    pub(crate) passed: u64,
    pub(crate) faults: Vec<String>,
    pub(crate) missing: Vec<String>,
}

/// Looks at every file, and at one that must be refused.
pub(crate) fn of(gate: &Gate, log: &Log, files: &[PathBuf]) -> anyhow::Result<Style> {
    let mut style = Style::default();
    let ugly = gate.reports.join("ugly.nix");
    std::fs::write(&ugly, UGLY).with_context(|| format!("write {}", ugly.display()))?;
    for (program, argument, fault) in
        [(FORMATTER, "--check", "is not formatted (nix fmt)"), (DEAD_CODE, "--fail", "has what nothing uses (deadnix)")]
    {
        let path = match program.exactly(gate, log)? {
            Ok(path) => path,
            Err(reason) => {
                style.missing.push(reason);
                continue;
            }
        };
        let mut good = gate.command(&path);
        good.arg(argument).args(files);
        let good = log.run(good, None)?;
        let refused = !accepts(gate, &path, argument, &ugly)?;
        match (good.success, refused) {
            (true, true) => style.passed += 1,
            (false, _) => style.faults.push(format!("a file {fault}: see the log")),
            (true, false) => style.faults.push(format!("{} accepts a file that it must refuse", program.binary)),
        }
    }
    Ok(style)
}

fn accepts(gate: &Gate, program: &Path, argument: &str, file: &Path) -> anyhow::Result<bool> {
    let output = gate.command(program).arg(argument).arg(file).output();
    Ok(output.with_context(|| format!("start {}", program.display()))?.status.success())
}
