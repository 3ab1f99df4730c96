//! `watchdog-local carry` and `watchdog-local company`: what bots in clusters need around them.

use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::Context as _;
use relais_host::exit::BadUsage;
use relais_host::secret::Secret;
use relais_world::company::CompanyOptions;

use crate::arguments::{Carry, Company};

/// Carries until it is told to stop.
pub(crate) fn carry(asked: &Carry) -> anyhow::Result<()> {
    relais_host::trace::init_at(false, "info");
    relais_host::shutdown::die_with_parent().context("ask to end with the parent")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let listener = relais_host::listen::bind(asked.listen).await?;
        relais_world::carrier::carry(listener, asked.to, relais_host::shutdown::token()).await;
        Ok(())
    })
}

/// A standard stream, as a runtime reads and writes it.
fn stream(end: BorrowedFd<'_>) -> anyhow::Result<tokio::fs::File> {
    let own = end.try_clone_to_owned().context("take a standard stream")?;
    Ok(tokio::fs::File::from_std(own.into()))
}

/// Keeps company until its standard input ends.
pub(crate) fn keep(asked: &Company) -> anyhow::Result<()> {
    relais_host::trace::init_at(false, "error");
    relais_host::shutdown::die_with_parent().context("ask to end with the parent")?;
    let policy = relais_host::config::policy(None)?;
    let options = CompanyOptions {
        listen: asked.listen,
        gateway: asked.gateway.clone(),
        site: asked.site.clone(),
        token: Secret::read(&asked.token_file)?.expose().to_owned(),
        application_id: asked.application_id,
        store: asked.store.parse().map_err(|error| BadUsage(format!("--store: {error}")))?,
        request_timeout: policy.request_timeout,
        openapi: crate::drill::openapi(asked.openapi.as_deref())?,
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let kept = runtime.block_on(async {
        let words = tokio::io::BufReader::new(stream(std::io::stdin().as_fd())?);
        relais_world::company::keep(options, words, stream(std::io::stdout().as_fd())?).await
    });
    // A read of the standard input cannot be called off, and must not hold up the end.
    runtime.shutdown_background();
    kept
}
