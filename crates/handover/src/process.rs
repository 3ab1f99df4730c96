//! The process: settings before anybody is spoken to, run, let go, exit code.

use std::{ffi::OsString, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Parser;
use relais_host::{
    clock::Boottime,
    command_line::{self, SiteArguments},
    process, shutdown,
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Terms,
    bot::PrivatePort,
    bus::SystemBus,
    config::Settings,
    shell::{self, Ports},
};

/// Hands the bot over before this machine sleeps or goes off.
#[derive(Debug, Parser)]
#[command(name = "relais-handover", version)]
struct Arguments {
    #[command(flatten)]
    site: SiteArguments,
}

/// Runs the agent with these arguments (the first is the program's name) and gives the process's exit code: 0 after a
/// stop in good order, 64 for bad settings or usage, else 1.
pub fn main_from(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    command_line::run(arguments, |Arguments { site }| start(&site))
}

fn start(arguments: &SiteArguments) -> anyhow::Result<()> {
    process::run(arguments, 2, |file| Ok(Settings::load(file)?), |settings| run(settings, shutdown::token()))
}

/// Runs the agent until `stop`.
///
/// # Errors
/// There is no bus or no logind, it refuses the locks, the bus is gone, or the store cannot be opened.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let Settings { site, store, bot, policy } = settings;
    let within = policy.request_timeout;
    let store = crate::store::open(&store, within).await.context("open the store")?;
    let bus = SystemBus::connect(within).await?;
    let signals = bus.signals().await?;
    let bot = Arc::new(PrivatePort::new(&bot, site, within));
    let ports = Ports { logind: Arc::new(bus), bot, store, clock: Arc::new(Boottime) };
    tracing::info!(%site, "hand-over agent starts");
    shell::run(ports, Terms { site, policy }, signals, stop).await
}
