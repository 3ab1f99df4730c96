//! One subject, measured: some starts, then one load after another on the process of the last start.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::{ask::Ask, discord::Discord, process::Running, subject::Subject, tally::Summary};

/// How long a bot may take until its first answer.
const START: Duration = Duration::from_secs(60);
/// How long the answers to a load may take after its last question.
const DRAIN: Duration = Duration::from_secs(60);
/// Asked before the loads, at the first rate: what happens once only is no part of them.
const WARM: Duration = Duration::from_secs(2);
/// Users who take turns; each stays far below the limit of any bot that counts.
const USERS: usize = 50_000;

/// What is asked of a subject.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Questions per second, one load after another.
    pub rates: Vec<u32>,
    /// How long each load lasts.
    pub length: Duration,
    /// How many times it is started.
    pub starts: usize,
}

/// One load.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Questions per second.
    pub rate: u32,
    /// What came back.
    #[serde(flatten)]
    pub summary: Summary,
    /// Processor time of the bot for a thousand questions, microseconds.
    pub processor_us_per_1000: u64,
    /// The most that a question was sent after its due moment: the load server's own fault, and part of the latency.
    pub behind_us: u64,
}

/// One subject.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: &'static str,
    /// From the start of the process to its first answer, microseconds; the median of the starts.
    pub start_us: u64,
    /// Resident memory before the loads, KiB.
    pub idle_kib: u64,
    /// The most resident memory ever, KiB.
    pub peak_kib: u64,
    /// One after another.
    pub loads: Vec<Load>,
}

/// Starts and loads it.
///
/// # Errors
/// It does not start, ends by itself, or asks the load server for something that it does not have.
pub async fn measure(subject: &Subject, plan: &Plan) -> anyhow::Result<Measured> {
    let name = subject.name();
    let mut starts = Vec::new();
    loop {
        let folder = tempfile::tempdir().context("make a folder")?;
        let discord = Arc::new(Discord::start().await?);
        let began = discord.now();
        let mut running = subject.launch(discord.address(), folder.path()).await?;
        let first = first_answer(&discord, &mut running).await.with_context(|| format!("start {name}"))?;
        starts.push(micros(first.saturating_sub(began)));
        eprintln!("{name}: start {} of {}: {} ms", starts.len(), plan.starts, starts.last().unwrap_or(&0) / 1000);
        if starts.len() < plan.starts {
            running.stop().await;
            continue;
        }
        starts.sort_unstable();
        let start_us = starts.get(starts.len() / 2).copied().unwrap_or_default();
        if matches!(subject, Subject::Relais { .. }) {
            let number = discord.ask(Ask::KeepTag, 1, discord.now());
            answer(&discord, &mut running, number).await.context("keep a tag")?;
        }
        let idle_kib = running.memory()?.now_kib;
        let first_rate = plan.rates.first().copied().unwrap_or(1);
        load(&discord, &mut running, first_rate, WARM).await?;
        let mut loads = Vec::new();
        for &rate in &plan.rates {
            eprintln!("{name}: {rate}/s for {} s", plan.length.as_secs());
            loads.push(load(&discord, &mut running, rate, plan.length).await?);
        }
        let peak_kib = running.memory()?.peak_kib;
        running.stop().await;
        let unknown = discord.unknown();
        if !unknown.is_empty() {
            bail!("{name} asks for what the load server does not have: {}", unknown.join(", "));
        }
        return Ok(Measured { name, start_us, idle_kib, peak_kib, loads });
    }
}

/// Waits for a session, asks, and waits for the answer; its moment.
async fn first_answer(discord: &Discord, running: &mut Running) -> anyhow::Result<Duration> {
    let until = discord.now() + START;
    while !discord.has_session() {
        running.alive()?;
        if discord.now() > until {
            bail!("no session after {} s: {}", START.as_secs(), running.last_words());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let number = discord.ask(Ask::Help, 1, discord.now());
    answer(discord, running, number).await
}

async fn answer(discord: &Discord, running: &mut Running, number: usize) -> anyhow::Result<Duration> {
    let until = discord.now() + START;
    loop {
        if let Some(at) = discord.answered_at(number) {
            let summary = discord.summary(number);
            return if summary.wrong == 0 { Ok(at) } else { bail!("a wrong answer: {}", running.last_words()) };
        }
        running.alive()?;
        if discord.now() > until {
            bail!("no answer after {} s: {}", START.as_secs(), running.last_words());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn load(discord: &Arc<Discord>, running: &mut Running, rate: u32, length: Duration) -> anyhow::Result<Load> {
    let (first, spent) = (discord.asked(), running.processor()?);
    let asker = Arc::clone(discord);
    // A thread of its own: the runtime's timer rounds to a millisecond, which is as long as an answer takes.
    let behind = tokio::task::spawn_blocking(move || ask_in_step(&asker, rate, length)).await?;
    let until = discord.now() + DRAIN;
    while !discord.is_answered_from(first) && discord.now() < until {
        running.alive()?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let summary = discord.summary(first);
    let spent = running.processor()?.saturating_sub(spent);
    let thousands = u64::try_from(summary.asked).unwrap_or(u64::MAX).max(1);
    let processor_us_per_1000 = micros(spent).saturating_mul(1000) / thousands;
    Ok(Load { rate, summary, processor_us_per_1000, behind_us: micros(behind) })
}

/// Asks at even distances, whatever comes back or does not; the most that a question was late.
fn ask_in_step(discord: &Discord, rate: u32, length: Duration) -> Duration {
    let (begin, step) = (discord.now(), Duration::from_secs(1) / rate.max(1));
    let mut behind = Duration::ZERO;
    for n in 0.. {
        let due = begin + step * n;
        if due >= begin + length {
            break;
        }
        std::thread::sleep(due.saturating_sub(discord.now()));
        let asked = discord.asked();
        let ask = Ask::ALL.get(asked % Ask::ALL.len()).copied().unwrap_or(Ask::Help);
        discord.ask(ask, 10_000 + (asked % USERS) as u64, due);
        behind = behind.max(discord.now().saturating_sub(due));
    }
    behind
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
