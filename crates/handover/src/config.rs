//! The agent's settings: one JSON file, unknown keys refused, everything checked before anybody is spoken to.

use std::path::{Path, PathBuf};

use relais_failover::{Policy, Site};
use relais_host::{
    config::{ConfigError, load, policy},
    http::Client,
};
use relais_store::StoreUrl;
use serde::Deserialize;

/// The file's own form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: Site,
    store: String,
    bot: String,
    #[serde(default)]
    policy: Option<PathBuf>,
}

/// Settings that a run can use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This machine's site: never the one that others start when this one goes.
    pub site: Site,
    /// Where the lease and the override are: the store of both sites.
    pub store: StoreUrl,
    /// The private port of this site's bot, `http://host:port` without a path.
    pub bot: String,
    /// The protocol's numbers.
    pub policy: Policy,
}

impl Settings {
    /// Reads and checks the file, and the policy that it names.
    ///
    /// # Errors
    /// [`ConfigError`]; always exit code 64.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let read: File = load(file)?;
        let refused = |key: &str, reason: &dyn std::fmt::Display| ConfigError::refused(file, key, reason);
        if read.site == Site::Cloud {
            let reason = "the cloud is what this machine hands over to, so the agent runs on the laptop only";
            return Err(refused("site", &reason));
        }
        let store = read.store.parse::<StoreUrl>().map_err(|error| refused("store", &error))?;
        if store == StoreUrl::Memory {
            let reason = "memory: is this process's alone; name the store that the bot has";
            return Err(refused("store", &reason));
        }
        let bot = read.bot.strip_suffix('/').unwrap_or(&read.bot).to_owned();
        Client::check(&bot).map_err(|error| refused("bot", &error))?;
        if bot.trim_start_matches("http://").contains('/') {
            let reason = "expected http://host:port without a path, as in http://10.43.0.81:8081";
            return Err(refused("bot", &reason));
        }
        Ok(Self { site: read.site, store, bot, policy: policy(read.policy.as_deref())? })
    }
}
