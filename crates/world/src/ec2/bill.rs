//! The cost clock: by the second from running until stopping, with a least amount for each run.

use std::time::Duration;

use tokio::time::Instant;

use super::Ec2Config;

/// What the machines have cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bill {
    /// Billed running time, protocol time, the least amounts included.
    pub billed: Duration,
    /// US dollars.
    pub dollars: f64,
}

/// One time from running to stopping.
#[derive(Debug)]
pub(super) struct Run {
    began: Instant,
    aged: Duration,
    ended: Option<Instant>,
}

impl Run {
    pub(super) fn begin() -> Self {
        Self::begun(Duration::ZERO)
    }

    /// One that began `aged` (real time) ago.
    pub(super) fn begun(aged: Duration) -> Self {
        Self { began: Instant::now(), aged, ended: None }
    }

    pub(super) fn end(&mut self) {
        self.ended.get_or_insert_with(Instant::now);
    }

    fn lasted(&self, now: Instant) -> Duration {
        self.ended.unwrap_or(now).saturating_duration_since(self.began) + self.aged
    }
}

impl Bill {
    pub(super) fn of<'a>(runs: impl Iterator<Item = &'a Run>, config: &Ec2Config, now: Instant) -> Self {
        let billed = runs.map(|run| config.pace.protocol(run.lasted(now)).max(config.least_billed)).sum::<Duration>();
        Self { billed, dollars: billed.as_secs_f64() / 3600.0 * config.price_per_hour }
    }
}
