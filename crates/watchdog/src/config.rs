//! What `watchdog-local watch` is told: endpoints, keys, a standby.

use std::path::PathBuf;

use serde::Deserialize;

use crate::command::CommandConfig;

/// The configuration file, JSON; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchConfig {
    /// The shared store, as a URL (`sqlite:/path`, `http://127.…` in rehearsals).
    pub store: String,
    /// The laptop's public health.
    pub probe: ProbeTarget,
    /// What is switched.
    pub standby: StandbyKind,
    /// A policy file; the one that ships with Relais if left out.
    #[serde(default)]
    pub policy: Option<PathBuf>,
}

/// Where and how the laptop's health is probed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeTarget {
    /// `https://<laptop>.<tailnet>.ts.net/health`.
    pub url: String,
    /// The file with the key that signs the answers.
    pub key_file: PathBuf,
    /// A certificate (PEM) to trust besides the public roots.
    #[serde(default)]
    pub extra_root_file: Option<PathBuf>,
}

/// The standby to switch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StandbyKind {
    /// None: look and tell only.
    None,
    /// Three commands of the operator's.
    Command(CommandConfig),
}
