//! The bot under load beside a discord.py bot: it is measured as it is shipped.

use std::ffi::OsString;

use anyhow::{Context as _, bail};

/// Builds the bot and `relais-bench`, and runs the latter with `arguments` on this terminal; whether it succeeded.
///
/// # Errors
/// Cargo cannot be started, or a program cannot be built.
pub(crate) fn run(gate: &crate::gate::Gate, arguments: &[OsString]) -> anyhow::Result<bool> {
    let build = |what: &[&str]| -> anyhow::Result<()> {
        let arguments = [&["build", "--locked", "--bins"], what].concat();
        match gate.cargo(&arguments).status().context("start cargo")?.success() {
            true => Ok(()),
            false => bail!("`cargo {}` failed", arguments.join(" ")),
        }
    };
    eprintln!("the bot is built as it is shipped: that takes some minutes the first time");
    build(&["--profile", "dist", "--package", "relais-bot"])?;
    build(&["--release", "--package", "relais-bench"])?;
    let mut bench = gate.command(gate.target.join("release/relais-bench"));
    bench.arg("--bot").arg(gate.target.join("dist/relais-bot")).arg("--folder").arg(gate.target.join("bench"));
    Ok(bench.args(arguments).status().context("start relais-bench")?.success())
}
