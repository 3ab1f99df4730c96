//! The cloud account of `drill --account`: somebody else has made it, for example `cargo xtask e2e-aws` in an emulator.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use relais_ec2::{Ec2Standby, StandbyConfig};
use relais_host::exit::BadUsage;
use relais_host::secret::Secret;
use relais_world::drill::{Account, DrillOptions, Scene};
use serde::Deserialize;

use crate::watch::CREDENTIALS;

/// The file; unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    /// As the sites' settings have it.
    store: String,
    /// The watchdog's own key of this name, as it is.
    standby: StandbyConfig,
    /// Where the watchdog looks for the laptop's health: an address of this machine that is free.
    public: SocketAddr,
    /// The file with the key that the watchdog verifies the answers with.
    health_key_file: PathBuf,
}

/// Reaches the account.
pub(crate) async fn open(file: &Path, options: &DrillOptions) -> anyhow::Result<Account> {
    let described: Described = relais_host::config::load(file)?;
    described.standby.check().map_err(|error| BadUsage(format!("{}: {error}", file.display())))?;
    let url = described.store.parse().map_err(|error| BadUsage(format!("{}: store: {error}", file.display())))?;
    let pace = options.pace.unwrap_or_else(|| Scene::Account.default_pace());
    let timeout = options.policy.paced(pace)?.request_timeout;
    let store = relais_bot::store::open(&url, timeout).await.context("open the account's store")?;
    let reached = relais_aws::Place::default().connect(CREDENTIALS).await.context("reach the account")?;
    Ok(Account {
        store,
        store_url: described.store,
        standby: Arc::new(Ec2Standby::new(&reached, described.standby)),
        public: described.public,
        health_key: Secret::read(&described.health_key_file)?.expose().to_owned(),
    })
}
