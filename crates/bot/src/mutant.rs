//! Known bad designs, kept so that the rehearsal can prove that it rejects them (`docs/protocol.md`, known bad designs).
//!
//! Without the feature `mutants` none of them can be switched on: the configuration is refused and [`Mutant::is_on`] is
//! constantly false.

use std::{path::PathBuf, sync::Arc};

use relais_failover::{Timestamp, WallClock};
use relais_host::clock::{Boottime, Clock};
use serde::Deserialize;

/// The file whose content is the milliseconds that this process was suspended so far; written by the rehearsal.
pub const SUSPENDED_FILE: &str = "RELAIS_SUSPENDED_MS_FILE";

/// A bad design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mutant {
    /// Once it spoke it never falls silent, and answers although its writes are refused.
    NoFence,
    /// Its clock stands still while the machine is suspended.
    MonotonicClock,
}

impl Mutant {
    /// Whether `mutant` is this one and the build has mutants at all.
    #[must_use]
    pub fn is_on(self, mutant: Option<Self>) -> bool {
        cfg!(feature = "mutants") && mutant == Some(self)
    }
}

/// The clock that a process with this mutant reads.
#[must_use]
pub fn clock_for(mutant: Option<Mutant>) -> Arc<dyn Clock> {
    if Mutant::MonotonicClock.is_on(mutant) {
        Arc::new(StandsStill { file: std::env::var_os(SUSPENDED_FILE).map(PathBuf::from) })
    } else {
        Arc::new(Boottime)
    }
}

/// What CLOCK_MONOTONIC says, which a machine's sleep stops, less the time for which the rehearsal stopped the process.
struct StandsStill {
    file: Option<PathBuf>,
}

impl Clock for StandsStill {
    fn now(&self) -> Timestamp {
        let suspended = self
            .file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse::<u64>().ok())
            .unwrap_or(0);
        Timestamp::from_millis(relais_host::clock::monotonic().as_millis().saturating_sub(suspended))
    }

    fn wall(&self) -> WallClock {
        Boottime.wall()
    }
}
