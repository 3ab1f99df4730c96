//! The process: settings before any port, run, drain, exit code.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context as _;
use axum::{Router, routing::get};
use clap::Parser;
use relais_host::{
    command_line::{self, SiteArguments},
    listen::{self, ListenError},
    metrics_page, process, shutdown,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Settings,
    gate::{self, Bounds},
    looks::Looks,
    machine,
    measures::MEASURES,
    router::router,
};

/// The signed health answer of one site.
#[derive(Debug, Parser)]
#[command(name = "relais-health", version)]
struct Arguments {
    #[command(flatten)]
    site: SiteArguments,
}

/// Runs the health server with these arguments (the first is the program's name) and gives the process's exit code:
/// 0 after a stop in good order, 64 for bad settings or usage, else 1.
pub fn main_from(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    command_line::run(arguments, |Arguments { site }| start(&site))
}

fn start(arguments: &SiteArguments) -> anyhow::Result<()> {
    process::run(
        arguments,
        2,
        |file| Ok(Settings::load(file)?),
        async |settings: Settings| {
            let sockets = Sockets::open(&settings).await?;
            run(settings, sockets, shutdown::token()).await
        },
    )
}

/// The two listening sockets.
#[derive(Debug)]
pub struct Sockets {
    /// `/health`, for the prober.
    pub public: TcpListener,
    /// `/metrics` and `/livez`, for this site's own monitoring.
    pub private: TcpListener,
}

impl Sockets {
    /// Opens both.
    ///
    /// # Errors
    /// [`ListenError`]: taken, or not this machine's.
    pub async fn open(settings: &Settings) -> Result<Self, ListenError> {
        let public = listen::bind(settings.listen).await?;
        Ok(Self { public, private: listen::bind(settings.metrics_listen).await? })
    }
}

/// Serves both ports until `stop`; the caller owns the sockets and the stop.
///
/// # Errors
/// A port fails, or closes before `stop`.
pub async fn run(settings: Settings, sockets: Sockets, stop: CancellationToken) -> anyhow::Result<()> {
    metrics_page::declare(MEASURES);
    let state_dir = settings.state_dir.clone();
    let metrics = || async move {
        // A file system that hangs delays its own page and nobody else's.
        let shown = tokio::task::spawn_blocking(move || machine::show(&state_dir)).await;
        if let Err(error) = shown {
            tracing::warn!(%error, "machine not readable");
        }
        metrics_page::page().await
    };
    let looks = Looks::new(&settings).context("read this machine's boot id")?;
    let public = router(looks, settings.key);
    let private = Router::new().route("/metrics", get(metrics)).route("/livez", get(|| async { "ok\n" }));
    let listen = sockets.public.local_addr().context("read the public port's address")?;
    tracing::info!(site = %settings.site, %listen, "health server starts");

    let bounds = Bounds::default();
    let gate =
        async { gate::serve(sockets.public, public, bounds, stop.clone()).await.context("serve the public port") };
    let page = async {
        let served = axum::serve(sockets.private, private).with_graceful_shutdown(stop.clone().cancelled_owned());
        let patience = async {
            stop.cancelled().await;
            tokio::time::sleep(bounds.total_time).await;
        };
        tokio::select! {
            served = served => served.context("serve the private port")?,
            () = patience => tracing::warn!("private port was cut"),
        }
        anyhow::ensure!(stop.is_cancelled(), "the private port closed by itself");
        Ok(())
    };
    tokio::try_join!(gate, page)?;
    Ok(())
}
