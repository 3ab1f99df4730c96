//! The bot under load beside a discord.py bot: both programs of ours are built as they are released.

use std::ffi::OsString;

use anyhow::{Context as _, bail};

/// Builds the bot and `relais-bench`, and runs the latter with `arguments` on this terminal; whether it succeeded.
///
/// # Errors
/// Cargo cannot be started, or a program cannot be built.
pub(crate) fn run(gate: &crate::gate::Gate, arguments: &[OsString]) -> anyhow::Result<bool> {
    let build = ["build", "--locked", "--release", "--package", "relais-bot", "--package", "relais-bench", "--bins"];
    if !gate.cargo(&build).status().context("start cargo")?.success() {
        bail!("the bot or the load server cannot be built");
    }
    let program = |name: &str| gate.target.join("release").join(name);
    let mut bench = gate.command(program("relais-bench"));
    bench.arg("--bot").arg(program("relais-bot")).arg("--folder").arg(gate.target.join("bench"));
    Ok(bench.args(arguments).status().context("start relais-bench")?.success())
}
