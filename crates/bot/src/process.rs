//! The process: settings before any port, run, drain, exit code.

use std::{collections::BTreeSet, ffi::OsString, path::Path, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Parser;
use relais_failover::{FenceReason, Incarnation, Node};
use relais_host::{
    clock::random_128,
    command_line::{self, SiteArguments},
    listen, metrics_page, process, shutdown,
};
use serenity::http::{Http, HttpBuilder};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backup::Backups,
    config::{Settings, SettingsError},
    gateway::{Gateway, Manner},
    interactions::Tools,
    leadership::{Ending, Leadership, Terms},
    mutant::{Mutant, clock_for},
    permit::{Permit, View},
    private::{self, Facts},
    vitals::Vitals,
};

/// Exit code of a site that fell silent because it lost the lease: restart it, as a new incarnation.
pub const FENCED: u8 = 75;

/// One thread for all that is spawned. A machine that goes to sleep stops one thread after the other: of an effect on one thread
/// and its connection on another, the latter would go on first on waking, and send what the former would not send any more.
const WORKERS: usize = 1;

/// The Discord bot of one site: speaks only under the lease.
#[derive(Debug, Parser)]
#[command(name = "relais-bot", version)]
struct Arguments {
    #[command(flatten)]
    site: SiteArguments,
}

/// Runs the bot with these arguments (the first is the program's name) and gives the process's exit code: 0 after a
/// stop in good order, 64 for bad settings or usage, 75 when fenced, else 1.
pub fn main_from(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    command_line::run(arguments, |Arguments { site }| start(&site))
}

fn start(arguments: &SiteArguments) -> anyhow::Result<()> {
    let load = |file: &Path| Settings::load(file).map_err(SettingsError::into_cause);
    process::run(arguments, WORKERS, load, async |settings: Settings| {
        // twilight finds its TLS through the process's default provider; an earlier installation is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = listen::bind(settings.listen).await?;
        match run(settings, listener, shutdown::token()).await? {
            Ending::Stopped => Ok(()),
            Ending::Fenced(reason) => leave(reason),
        }
    })
}

/// Ends the process at once: nothing that still runs may have another effect.
fn leave(reason: FenceReason) -> ! {
    tracing::error!(%reason, "leaving");
    std::process::exit(i32::from(FENCED))
}

/// Runs one site until `stop` or until it is fenced; the caller owns the socket and the stop.
///
/// # Errors
/// The store cannot be opened, or the private port fails.
pub async fn run(settings: Settings, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<Ending> {
    let policy = settings.policy.clone();
    let store = crate::store::open(&settings.store, policy.request_timeout).await.context("open the store")?;
    let clock = clock_for(settings.mutant);
    let reckless = Mutant::NoFence.is_on(settings.mutant);
    let incarnation = Incarnation::new(random_128());
    let node = Node { site: settings.site, incarnation, preferred: settings.preferred };
    tracing::info!(name = settings.name, site = %settings.site, %incarnation, "bot starts");

    let vitals = Arc::new(Vitals::default());
    let (view, seen) = watch::channel(View::initial(clock.wall()));
    let permit = Permit::new(seen, clock.clone(), settings.site, reckless);
    let (signals, heard) = mpsc::unbounded_channel();
    let tools = Tools {
        http: Arc::new(http(&settings)),
        store: store.clone(),
        clock: clock.clone(),
        policy: policy.clone(),
        permit: permit.clone(),
        vitals: vitals.clone(),
        signals: signals.clone(),
        operators: settings.operators.iter().map(|user| user.get()).collect::<BTreeSet<_>>().into(),
    };
    let Settings { token, rest_base, shards, presence, backup, .. } = settings;
    // Whatever counts from here on is on the page, also what is known before somebody asks for it.
    metrics_page::install();
    let settled = policy.pulse_ack_max;
    let backups = backup.map(|plan| Backups::new(plan, store.clone(), clock.clone(), permit.clone(), settled));
    backups.iter().for_each(Backups::show);
    let voice = Gateway::new(tools, Manner { token, rest_base, shards, presence, backups });
    let sees_jumps = !Mutant::MonotonicClock.is_on(settings.mutant);
    let terms = Terms { node, policy: policy.clone(), reckless, sees_jumps };
    let store_for_page = store.clone();
    let leadership = Leadership::new(terms, clock.clone(), store, voice, vitals.clone(), view, heard);
    let closing = CancellationToken::new();
    let shown = crate::watchdog::show(store_for_page, policy.clone(), closing.clone());
    let facts = Facts { node, policy, clock, permit, vitals, signals };
    let port = private::serve(listener, facts, closing.clone());
    tokio::select! {
        biased;
        ending = leadership.run(stop) => Ok(ending),
        served = port => {
            served.context("serve the private port")?;
            anyhow::bail!("the private port closed by itself")
        }
        () = shown => anyhow::bail!("the watchdog's memory is not looked at any more"),
    }
}

/// The real Discord with serenity's limiter, or the one that the settings name without it.
fn http(settings: &Settings) -> Http {
    let builder = HttpBuilder::new(settings.token.expose()).application_id(settings.application_id);
    match &settings.rest_base {
        Some(base) => builder.proxy(base.clone()).ratelimiter_disabled(true).build(),
        None => builder.build(),
    }
}
