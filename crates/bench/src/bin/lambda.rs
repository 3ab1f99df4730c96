//! `relais-bench-lambda`: `cargo xtask bench-lambda` builds and starts it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use clap::Parser;
use relais_bench::lambda::compare::{json, measure, missed, table};
use relais_bench::lambda::rival::Python;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench-lambda",
    bin_name = "cargo xtask bench-lambda",
    about = "The watchdog as a Lambda function, beside a handler in Python with boto3"
)]
struct Arguments {
    /// The watchdog's program
    #[arg(long, value_name = "FILE")]
    watchdog: PathBuf,
    /// Its package
    #[arg(long, value_name = "FILE")]
    zip: PathBuf,
    /// How many times each function is started; the median counts
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    starts: u8,
    /// How often each looks in one sandbox; the median counts
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(2..=1000))]
    looks: u16,
    /// The Python that makes an environment for boto3
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Where that environment is kept
    #[arg(long, value_name = "FOLDER", default_value = "target/bench-lambda")]
    folder: PathBuf,
    /// Also writes the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fails unless the package has at most 5 MB, the start takes at most 20 ms and memory stays below 25 MiB
    #[arg(long)]
    goal: bool,
}

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), |arguments: Arguments| {
        tokio::runtime::Runtime::new().context("start a runtime")?.block_on(bench(&arguments))
    })
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "what was asked for, and how far it is")]
async fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let (starts, looks) = (usize::from(arguments.starts), usize::from(arguments.looks));
    // What is missing is found before time is spent.
    let rival = Python::prepare(&arguments.python, &arguments.folder);
    let zip = std::fs::metadata(&arguments.zip).with_context(|| format!("look at {}", arguments.zip.display()))?.len();
    eprintln!("the watchdog: {starts} starts, {looks} looks");
    let own = measure("relais", zip, |_| Command::new(&arguments.watchdog), starts, looks).await?;
    let other = match rival.and_then(|python| Ok((python.packed()?, python))) {
        Ok((packed, python)) => {
            eprintln!("the handler in Python: the same");
            Some(measure("python", packed, |_| python.command(), starts, looks).await?)
        }
        Err(reason) => {
            eprintln!("python: not run: {reason}");
            None
        }
    };
    println!("{}", table(&own, other.as_ref()));
    if let Some(file) = &arguments.json {
        let text = format!("{:#}\n", json(&own, other.as_ref()));
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    }
    let missed = missed(&own);
    if arguments.goal && !missed.is_empty() {
        bail!("missed: {}", missed.join("; "));
    }
    Ok(())
}
