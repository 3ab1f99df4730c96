//! Notices that this process did not run for a while, or that the machine did not.

use std::time::Duration;

use relais_failover::Timestamp;
use relais_host::clock::Clock;

/// Remembers the clocks of the last turn.
#[derive(Debug)]
pub(super) struct Jumps {
    limit: Duration,
    turned: Timestamp,
    /// REALTIME less BOOTTIME, ms.
    offset: i128,
}

/// What one look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// How much later than asked the turn came.
    pub(super) late: Duration,
    /// Whether that, or the step between the clocks, counts as a suspend.
    pub(super) jumped: bool,
}

impl Jumps {
    pub(super) fn new(limit: Duration, clock: &dyn Clock) -> Self {
        Self { limit, turned: clock.now(), offset: offset(clock) }
    }

    /// A turn that was to come `asked` after the last one, or earlier, came now.
    pub(super) fn look(&mut self, clock: &dyn Clock, asked: Duration) -> Look {
        let (now, moved) = (clock.now(), offset(clock));
        let late = now.since(self.turned).saturating_sub(asked);
        let step = Duration::from_millis(u64::try_from(moved.abs_diff(self.offset)).unwrap_or(u64::MAX));
        self.turned = now;
        self.offset = moved;
        Look { late, jumped: late > self.limit || step > self.limit }
    }
}

fn offset(clock: &dyn Clock) -> i128 {
    i128::from(clock.wall().0) - i128::from(clock.now().as_millis())
}
