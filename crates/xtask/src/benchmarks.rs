//! What is measured as it is shipped: the bot under load beside a discord.py bot, the watchdog beside a handler in Python.

use std::ffi::OsString;

use anyhow::{Context as _, bail};

use crate::gate::Gate;
use crate::process::Log;
use crate::watchdog_zip;

/// Builds the bot and `relais-bench`, and runs the latter with `arguments` on this terminal; whether it succeeded.
///
/// # Errors
/// Cargo cannot be started, or a program cannot be built.
pub(crate) fn run(gate: &Gate, arguments: &[OsString]) -> anyhow::Result<bool> {
    eprintln!("the bot is built as it is shipped: that takes some minutes the first time");
    build(gate, &["--bins", "--profile", "dist", "--package", "relais-bot"])?;
    build(gate, &["--bin", "relais-bench", "--release", "--package", "relais-bench"])?;
    let mut bench = gate.command(gate.target.join("release/relais-bench"));
    bench.arg("--bot").arg(gate.target.join("dist/relais-bot")).arg("--folder").arg(gate.target.join("bench"));
    Ok(bench.args(arguments).status().context("start relais-bench")?.success())
}

/// Builds the watchdog and `relais-bench-lambda`, and runs the latter with `arguments`; whether it succeeded.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_lambda(gate: &Gate, arguments: &[OsString]) -> anyhow::Result<bool> {
    eprintln!("the watchdog is built as it is shipped: that takes many minutes the first time");
    let log = Log::create(&gate.reports.join("bench-lambda.log"))?;
    let zip = watchdog_zip::build(gate, &log)?;
    build(gate, &["--bin", "relais-bench-lambda", "--release", "--package", "relais-bench"])?;
    let mut bench = gate.command(gate.target.join("release/relais-bench-lambda"));
    bench.arg("--watchdog").arg(zip.with_extension("")).arg("--zip").arg(&zip);
    bench.arg("--folder").arg(gate.target.join("bench-lambda"));
    Ok(bench.args(arguments).status().context("start relais-bench-lambda")?.success())
}

fn build(gate: &Gate, what: &[&str]) -> anyhow::Result<()> {
    let arguments = [&["build", "--locked"], what].concat();
    match gate.cargo(&arguments).status().context("start cargo")?.success() {
        true => Ok(()),
        false => bail!("`cargo {}` failed", arguments.join(" ")),
    }
}
