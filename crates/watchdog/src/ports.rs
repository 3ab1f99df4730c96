//! What the watchdog needs from outside. Small traits owned by the consumer; no SDK type crosses them.

use core::fmt;
use core::time::Duration;

use async_trait::async_trait;
use relais_failover::WatchRecord;
use relais_failover::act::InstanceState;
use relais_failover::decide::Alert;
use relais_failover::sighting::ProbeSight;
use relais_store::Store;
use tokio::sync::Mutex;

/// Looks at the laptop's public health. "Could not look" is a [`ProbeSight`], so it cannot fail.
#[async_trait]
pub trait Probe: Send + Sync {
    /// One look, bounded by the policy's time-outs.
    async fn probe(&self) -> ProbeSight;
}

/// The name of a standby machine, for example `i-0123…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub String);

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A standby machine that belongs to this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub id: MachineId,
    /// What it is.
    pub state: InstanceState,
    /// How long ago it was launched or last started, by the provider's word.
    pub launched_for: Duration,
}

/// Why the standby could not be looked at or switched (protocol, stage 2, errors).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StandbyError {
    /// Somebody else switched it meanwhile: look again.
    #[error("the machine is in another state already")]
    IncorrectInstanceState,
    /// No machine of any allowed type in any allowed zone.
    #[error("no capacity")]
    InsufficientCapacity,
    /// Too many requests.
    #[error("throttled")]
    Throttled,
    /// The account does not allow it: a page.
    #[error("not authorized")]
    Unauthorized,
    /// A limit of the account: a page.
    #[error("a limit of the account is reached")]
    LimitExceeded,
    /// It was not done.
    #[error("not available: {0}")]
    Unavailable(String),
    /// It may have been done: the answer was lost.
    #[error("not answered: {0}")]
    Unanswered(String),
}

/// The standby machines of this project. Adapters find them by tag and never touch others.
#[async_trait]
pub trait Standby: Send + Sync {
    /// All machines, ended ones may be left out.
    ///
    /// # Errors
    /// [`StandbyError`], most likely `Throttled`, `Unauthorized` or `Unavailable`.
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError>;

    /// Launches or starts one. The same `token` never makes a second one.
    ///
    /// # Errors
    /// [`StandbyError`].
    async fn start(&self, token: &str) -> Result<(), StandbyError>;

    /// Stops or terminates this one.
    ///
    /// # Errors
    /// [`StandbyError`].
    async fn stop(&self, machine: &MachineId) -> Result<(), StandbyError>;
}

/// Tells people.
#[async_trait]
pub trait AlertPort: Send + Sync {
    /// Sends one alert. Failing to tell must not keep the watchdog from acting, so a failure is the adapter's to log.
    async fn alert(&self, alert: Alert);
}

/// This process's own copy of the memory, used only while the store cannot be read.
#[derive(Debug, Default)]
pub struct Memory(pub(crate) Mutex<Option<WatchRecord>>);

/// Everything one tick needs.
pub struct Ports<'a> {
    /// Lease, memory and history.
    pub store: &'a dyn Store,
    /// The laptop's public health.
    pub probe: &'a dyn Probe,
    /// The standby.
    pub standby: &'a dyn Standby,
    /// People.
    pub alert: &'a dyn AlertPort,
    /// The fallback for the store's copy.
    pub memory: &'a Memory,
    /// Decide and tell, but switch and remember nothing.
    pub dry_run: bool,
}
