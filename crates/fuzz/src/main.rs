//! `relais-fuzz`: the long run. `cargo xtask fuzz` builds and starts it.

use std::{path::PathBuf, process::ExitCode, time::SystemTime};

use anyhow::{anyhow, bail};
use clap::{Parser, ValueEnum};
use relais_fuzz::{
    coverage,
    interactions::Player,
    run::{self, Order},
    tally::Tally,
};
use relais_world::discord::AnswerJudge;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz", bin_name = "cargo xtask fuzz", about = "Fuzzes interactions and the time reader")]
struct Arguments {
    /// At least so many cases of each target: payloads, and texts
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    cases: u64,
    /// Of the first batch (else one of the clock's)
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// What to fuzz (else both)
    #[arg(long)]
    target: Option<Target>,
    /// Threads (else as many as there are processors)
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Discord's OpenAPI document, to judge answers by as well (else `data/discord-openapi.json` in `$RELAIS_SHARED`)
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Payloads of the gateway
    Interactions,
    /// Texts read as moments
    Moments,
}

fn main() -> ExitCode {
    relais_host::command_line::run(std::env::args_os(), |arguments: Arguments| fuzz(&arguments))
}

fn fuzz(arguments: &Arguments) -> anyhow::Result<()> {
    let by_clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = arguments.seed.unwrap_or_else(by_clock);
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let order = Order { cases: arguments.cases, seed, jobs, shown: true };
    let wanted = |target| arguments.target.is_none_or(|only| only == target);
    // A batch is repeated with a handful of cases, which cannot cover everything.
    let whole = arguments.cases >= 100_000;
    let mut missing = Vec::new();
    if wanted(Target::Moments) {
        let started = SystemTime::now();
        let tally = run::moments(order).map_err(|failure| anyhow!("{failure}"))?;
        told("moments", &tally, seed, started);
        missing.extend(coverage::of_moments(&tally));
    }
    if wanted(Target::Interactions) {
        let shared = std::env::var_os("RELAIS_SHARED").map(PathBuf::from);
        let document = arguments.openapi.clone().or(shared.map(|shared| shared.join("data/discord-openapi.json")));
        let judge = AnswerJudge::new(document.as_deref())?;
        let judged = if judge.has_document() {
            "by hand-written rules and by Discord's own document"
        } else {
            "by hand-written rules alone"
        };
        let player = Player::new(judge)?;
        let started = SystemTime::now();
        let tally = run::interactions(&player, order).map_err(|failure| anyhow!("{failure}"))?;
        told("interactions", &tally, seed, started);
        println!("answers were judged {judged}");
        missing.extend(coverage::of_interactions(&tally, player.catalogue()));
        missing.extend(coverage::of_refusals(&tally));
    }
    if whole && !missing.is_empty() {
        bail!("the run did not try everything:\n{}", missing.join("\n"));
    }
    println!("no rule was broken");
    Ok(())
}

fn told(target: &str, tally: &Tally, seed: u64, started: SystemTime) {
    let seconds = started.elapsed().unwrap_or_default().as_secs_f64();
    let scenes = if tally.scenes > 0 { format!(" in {} scenes", tally.scenes) } else { String::new() };
    println!("\n{target}: {} cases{scenes}, seed {seed}, {seconds:.0} s\n\n{}", tally.cases, tally.table());
}
