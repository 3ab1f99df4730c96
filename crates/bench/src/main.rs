//! `relais-bench`: `cargo xtask bench-bot` builds and starts it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::Parser;
use relais_bench::{
    load::{Plan, measure},
    report::{self, Ratios},
    rival,
    subject::Subject,
};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench-bot",
    bin_name = "cargo xtask bench-bot",
    about = "One bot process under load, beside a minimal discord.py bot"
)]
struct Arguments {
    /// The bot's program
    #[arg(long, value_name = "FILE")]
    bot: PathBuf,
    /// Interactions per second; several loads follow each other, the last one is compared
    #[arg(long, value_name = "N", default_values_t = [100, 1000], value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: Vec<u32>,
    /// How long each load lasts
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=120))]
    seconds: u64,
    /// How many times each bot is started; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=100))]
    starts: u8,
    /// The Python that makes an environment for discord.py
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Where that environment is kept
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    folder: PathBuf,
    /// Also writes the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fails unless p99 is at most a third of discord.py's and memory at most a quarter
    #[arg(long)]
    goal: bool,
}

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), |arguments: Arguments| {
        tokio::runtime::Runtime::new().context("start a runtime")?.block_on(bench(&arguments))
    })
}

async fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let length = Duration::from_secs(arguments.seconds);
    let plan = Plan { rates: arguments.rate.clone(), length, starts: usize::from(arguments.starts) };
    let own = Subject::Relais { program: arguments.bot.clone(), arguments: Vec::new() };
    // What is missing is found before minutes are spent.
    let rival = rival::prepare(&arguments.python, &arguments.folder);
    let mut measured = vec![measure(&own, &plan).await?];
    match &rival {
        Ok(rival) => measured.push(measure(rival, &plan).await?),
        Err(reason) => eprintln!("discord.py: not run: {reason}"),
    }
    let ratios = match measured.as_slice() {
        [own, other] => Some(Ratios::new(own, other)),
        _ => None,
    };
    println!("{}", report::table(&measured, ratios.as_ref()));
    if let Some(file) = &arguments.json {
        let text = format!("{:#}\n", report::json(&measured, ratios.as_ref()));
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    }
    let whole = measured.iter().take(1).flat_map(|own| &own.loads).all(|load| load.summary.is_whole());
    if !whole {
        bail!("Relais lost, doubled or mistook an answer; see the table");
    }
    let missed = match (&ratios, &rival) {
        (Some(ratios), _) => ratios.missed(),
        (None, Err(reason)) => vec![format!("nothing to compare with: {reason}")],
        (None, Ok(_)) => Vec::new(),
    };
    if arguments.goal && !missed.is_empty() {
        bail!("missed: {}", missed.join("; "));
    }
    Ok(())
}
