//! The long run of the fuzzer: built apart, with optimised code that still checks for overflows.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context as _;

/// Builds `relais-fuzz` and runs it with `arguments` on this terminal; whether it found nothing.
///
/// # Errors
/// Cargo cannot be started.
pub(crate) fn run(gate: &crate::gate::Gate, arguments: &[OsString]) -> anyhow::Result<bool> {
    let mut cargo: Command = gate.cargo(&["run", "--locked", "--profile", "fuzz", "--package", "relais-fuzz", "--"]);
    let status = cargo.args(arguments).status().context("start cargo")?;
    Ok(status.success())
}
