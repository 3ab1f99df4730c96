//! A site's process from its settings to its end: the same for the bot, the health server and the hand-over agent.

use std::path::Path;

use anyhow::Context as _;

use crate::{command_line::SiteArguments, shutdown, trace};

/// Reads the settings, ends there if nothing else was asked for, and runs `program` with them to its end. What it spawns shares
/// `workers` threads; it has one of its own.
///
/// # Errors
/// Bad settings (before anything is opened), no runtime, or the program's own.
pub fn run<S, P>(
    arguments: &SiteArguments,
    workers: usize,
    load: impl FnOnce(&Path) -> anyhow::Result<S>,
    program: impl FnOnce(S) -> P,
) -> anyhow::Result<()>
where
    P: Future<Output = anyhow::Result<()>>,
{
    shutdown::die_with_parent().context("tie this process to its parent")?;
    trace::init(arguments.log_json);
    let settings = load(&arguments.config)?;
    if arguments.check_config {
        arguments.say_good();
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("start the runtime")?;
    // Called inside, where it may already ask for what only a runtime has.
    let ending = runtime.block_on(async { program(settings).await });
    // What still hangs on a disk or a socket must not hold up the end, and with it the machine's.
    runtime.shutdown_background();
    ending
}
