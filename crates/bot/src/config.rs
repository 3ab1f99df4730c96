//! The bot's settings: one JSON file, unknown keys refused, everything checked before any port is opened.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use relais_failover::{Policy, Site};
use relais_host::{
    config::{ConfigError, load, policy},
    secret::{Secret, SecretError},
};
use relais_store::StoreUrl;
use serde::Deserialize;
use serenity::model::id::{ApplicationId, UserId};

use crate::{
    backup::{self, Plan},
    mutant::Mutant,
    presence::{self, Presence},
};

/// Why the settings are no good. Always exit code 64.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file or a value in it is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The token file is refused.
    #[error(transparent)]
    Token(#[from] SecretError),
}

impl SettingsError {
    /// The refusal itself, as the exit code is judged by.
    pub(crate) fn into_cause(self) -> anyhow::Error {
        match self {
            Self::Config(error) => error.into(),
            Self::Token(error) => error.into(),
        }
    }
}

/// The file's own form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: Site,
    #[serde(default)]
    preferred: Option<Site>,
    store: String,
    listen: SocketAddr,
    discord: Discord,
    #[serde(default)]
    policy: Option<PathBuf>,
    #[serde(default)]
    backup: Option<backup::plan::File>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    mutant: Option<Mutant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Discord {
    token_file: PathBuf,
    #[serde(default)]
    rest_base: Option<String>,
    application_id: ApplicationId,
    #[serde(default)]
    shards: Option<NonZeroU32>,
    #[serde(default)]
    presence: Option<presence::File>,
    #[serde(default)]
    operators: Vec<UserId>,
}

/// Settings that a run can use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This site.
    pub site: Site,
    /// The site that has the lease when both are well; the policy's, unless the file says otherwise.
    pub preferred: Site,
    /// Where lease and state live.
    pub store: StoreUrl,
    /// The private port.
    pub listen: SocketAddr,
    /// The bot's token.
    pub token: Secret,
    /// A Discord other than the real one (a rehearsal), `http://host:port`; the gateway's address then comes from it.
    pub rest_base: Option<String>,
    /// The application whose commands these are.
    pub application_id: ApplicationId,
    /// How many shards the gateway has; none: as many as Discord recommends.
    pub shards: Option<NonZeroU32>,
    /// What the bot shows about itself; none: nothing, as Discord shows every bot.
    pub presence: Option<Presence>,
    /// Who may use the commands for operators; nobody: Discord is not told of them.
    pub operators: Vec<UserId>,
    /// Backups that this site takes while it holds the lease; none: no backups.
    pub backup: Option<Plan>,
    /// The numbers of the protocol.
    pub policy: Policy,
    /// This process's name in the log; the site's if none is given.
    pub name: String,
    /// A known bad design to run; always none in a build without the feature `mutants`.
    pub mutant: Option<Mutant>,
}

impl Settings {
    /// Reads and checks a settings file, its policy, its token file and its folder for backups. Opens nothing else.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let file: File = load(path)?;
        let refused = |key: &str, reason: &dyn std::fmt::Display| ConfigError::refused(path, key, reason);
        if file.mutant.is_some() && !cfg!(feature = "mutants") {
            return Err(refused("mutant", &"this build has no mutants").into());
        }
        let store = file.store.parse::<StoreUrl>().map_err(|error| refused("store", &error))?;
        if let Some(base) = &file.discord.rest_base {
            let address = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
            if address.is_none_or(|address| address.is_empty() || address.contains('/')) {
                return Err(refused("rest_base", &"expected http://host:port without a path").into());
            }
        }
        let presence = file.discord.presence.map(Presence::new).transpose();
        let presence = presence.map_err(|error| refused("presence", &error))?;
        let backup = file.backup.map(Plan::new).transpose();
        let backup = backup.map_err(|error| refused("backup", &error))?;
        let policy = policy(file.policy.as_deref())?;
        let token = Secret::read(&file.discord.token_file)?;
        Ok(Self {
            site: file.site,
            preferred: file.preferred.unwrap_or(policy.preferred),
            store,
            listen: file.listen,
            token,
            rest_base: file.discord.rest_base,
            application_id: file.discord.application_id,
            shards: file.discord.shards,
            presence,
            operators: file.discord.operators,
            backup,
            policy,
            name: file.name.unwrap_or_else(|| file.site.to_string()),
            mutant: file.mutant,
        })
    }
}
