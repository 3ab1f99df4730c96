//! The health server's settings: one JSON file, unknown keys refused, everything checked before any port is opened.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use relais_failover::{Policy, Site};
use relais_host::{
    config::{ConfigError, load, policy},
    http::Client,
    secret::Secret,
};
use serde::Deserialize;

/// A signing key shorter than this can be guessed.
const MIN_KEY_BYTES: usize = 16;

/// The file's own form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: Site,
    listen: SocketAddr,
    metrics_listen: SocketAddr,
    bot_facts: String,
    key_file: PathBuf,
    state_dir: PathBuf,
    min_disk_free_percent: u8,
    policy: Option<PathBuf>,
}

/// Settings that a run can use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This site.
    pub site: Site,
    /// The public port, behind Funnel.
    pub listen: SocketAddr,
    /// The private port: `/metrics` and `/livez`.
    pub metrics_listen: SocketAddr,
    /// The bot's facts, `http://` on a private address.
    pub bot_facts: String,
    /// The key that signs.
    pub key: Secret,
    /// Where the state lives: the disk that must have room.
    pub state_dir: PathBuf,
    /// Percent, 0 to 99.
    pub min_disk_free_percent: u8,
    /// The protocol's numbers.
    pub policy: Policy,
}

impl Settings {
    /// Reads and checks the file, and the key and the policy that it names.
    ///
    /// # Errors
    /// [`ConfigError`]; always exit code 64.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let read: File = load(file)?;
        Client::check(&read.bot_facts).map_err(|error| ConfigError::refused(file, "bot_facts", error))?;
        if read.min_disk_free_percent > 99 {
            return Err(ConfigError::refused(file, "min_disk_free_percent", "more than 99 can never be met"));
        }
        let same = read.listen.port() != 0 && read.listen == read.metrics_listen;
        if same {
            return Err(ConfigError::refused(file, "metrics_listen", "the private port must not be the public one"));
        }
        let key = Secret::read(&read.key_file)?;
        if key.expose().len() < MIN_KEY_BYTES {
            let reason = format!("the key is shorter than {MIN_KEY_BYTES} bytes");
            return Err(ConfigError::refused(file, "key_file", reason));
        }
        Ok(Self {
            site: read.site,
            listen: read.listen,
            metrics_listen: read.metrics_listen,
            bot_facts: read.bot_facts,
            key,
            state_dir: read.state_dir,
            min_disk_free_percent: read.min_disk_free_percent,
            policy: policy(read.policy.as_deref())?,
        })
    }
}
