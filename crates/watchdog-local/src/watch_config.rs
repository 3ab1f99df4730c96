//! What `watchdog-local watch` is told: endpoints, keys, a standby, who is told.

use std::path::PathBuf;

use relais_watchdog::command::CommandConfig;
use serde::Deserialize;

/// The configuration file, JSON; unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchConfig {
    /// The shared store, as a URL (`sqlite:/path`, `dynamodb:table?region=…`, `http://127.…` in rehearsals).
    pub(crate) store: String,
    /// The laptop's public health.
    pub(crate) probe: ProbeTarget,
    /// What is switched.
    pub(crate) standby: StandbyKind,
    /// Who is told; the log alone if left out.
    #[serde(default)]
    pub(crate) alerts: Alerts,
    /// A policy file; the one that ships with Relais if left out.
    #[serde(default)]
    pub(crate) policy: Option<PathBuf>,
}

/// Where and how the laptop's health is probed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbeTarget {
    /// `https://<laptop>.<tailnet>.ts.net/health`.
    pub(crate) url: String,
    /// The file with the key that signs the answers.
    pub(crate) key_file: PathBuf,
    /// A certificate (PEM) to trust besides the public roots.
    #[serde(default)]
    pub(crate) extra_root_file: Option<PathBuf>,
}

/// Who is told besides the log.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alerts {
    /// The file with the URL of a Discord webhook.
    #[serde(default)]
    pub(crate) webhook_file: Option<PathBuf>,
}

/// The standby to switch.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum StandbyKind {
    /// None: look and tell only.
    None,
    /// Three commands of the operator's.
    Command(CommandConfig),
    /// EC2, a machine a time: the keys of `terraform/`'s output.
    Launch(Launch),
    /// EC2, one machine that is started and stopped.
    Stopped(Stopped),
}

#[cfg(feature = "aws")]
pub(crate) use relais_ec2::{Launch, Stopped};

/// A build without the SDK reads past what it could not use, and says so when it is asked to.
#[cfg(not(feature = "aws"))]
pub(crate) type Launch = serde::de::IgnoredAny;
#[cfg(not(feature = "aws"))]
pub(crate) type Stopped = serde::de::IgnoredAny;
