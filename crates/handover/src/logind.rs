//! What the agent needs of logind (systemd documentation, "Inhibitor Locks"; `org.freedesktop.login1(5)`).

use std::os::fd::OwnedFd;
use std::time::Duration;

use async_trait::async_trait;

use crate::agent::Cause;

/// Delay locks: the machine waits until they are closed, or logind's patience is over.
#[derive(Debug)]
pub struct Locks(
    #[expect(dead_code, reason = "held open, never read or written: closing them is what lets the machine go")]
    Vec<OwnedFd>,
);

impl Locks {
    /// Of these.
    #[must_use]
    pub fn new(locks: Vec<OwnedFd>) -> Self {
        Self(locks)
    }
}

/// Why logind did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LogindError {
    /// The machine is on its way already: whoever comes now is not waited for.
    #[error("hold up what the machine does already")]
    TooLate,
    /// It is not there, or refuses.
    #[error("ask logind for {0}")]
    Refused(&'static str, #[source] Box<zbus::Error>),
    /// No answer in time.
    #[error("hear from logind about {0} in time")]
    Timeout(&'static str),
}

/// What logind tells by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The machine is about to go.
    Announced(Cause),
    /// It is back, or stays after all.
    Back(Cause),
    /// logind was started again.
    Restarted,
}

/// Its methods. Each answers within the time that the implementation was given.
#[async_trait]
pub trait Logind: Send + Sync {
    /// Takes a delay lock for each [`Cause`].
    ///
    /// # Errors
    /// [`LogindError`].
    async fn inhibit(&self) -> Result<Locks, LogindError>;

    /// How long it waits for who holds one (`InhibitDelayMaxUSec`).
    ///
    /// # Errors
    /// [`LogindError`].
    async fn patience(&self) -> Result<Duration, LogindError>;

    /// What the machine is about to do already (`PreparingForSleep`, `PreparingForShutdown`).
    ///
    /// # Errors
    /// [`LogindError`].
    async fn preparing(&self) -> Result<Option<Cause>, LogindError>;
}
