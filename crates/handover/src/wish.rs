//! The agent's own override: `force-cloud` for a little while, marked so that nobody takes it for an operator's.

use core::time::Duration;

use relais_failover::timestamp::millis;
use relais_failover::{ControlMode, ControlRecord, WallClock, wire::SCHEMA};

use crate::agent::Cause;

/// How the reason of every record of ours begins. An operator's names who asked (`by`), ours never does.
const MARK: &str = "relais-handover: ";

/// The override that asks for the cloud, for `lasts` from `wall` on.
#[must_use]
pub fn made(cause: Cause, wall: WallClock, lasts: Duration) -> ControlRecord {
    let why = match cause {
        Cause::Sleep => "the laptop goes to sleep",
        Cause::Shutdown => "the laptop shuts down",
    };
    record(ControlMode::ForceCloud, WallClock(wall.0.saturating_add(millis(lasts))), why)
}

/// What stands in its place once the machine is back.
#[must_use]
pub fn taken_back() -> ControlRecord {
    record(ControlMode::Auto, WallClock(0), "the laptop is awake")
}

/// Whether this override is one of [`made`], of whatever process.
#[must_use]
pub fn is_ours(record: &ControlRecord) -> bool {
    record.mode == ControlMode::ForceCloud && record.by.is_none() && record.reason.starts_with(MARK)
}

fn record(mode: ControlMode, until: WallClock, why: &str) -> ControlRecord {
    ControlRecord { schema: SCHEMA, mode, until, reason: format!("{MARK}{why}"), by: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself_and_says_why() {
        let wish = made(Cause::Sleep, WallClock(1_000), Duration::from_secs(2));
        assert_eq!((wish.mode, wish.until), (ControlMode::ForceCloud, WallClock(3_000)));
        assert_eq!(wish.reason, "relais-handover: the laptop goes to sleep");
        assert_eq!(ControlRecord::mode_at(Some(&wish), WallClock(3_000)), ControlMode::Auto);
    }

    #[test]
    fn nobody_elses_is_taken_for_ours() {
        let wish = made(Cause::Shutdown, WallClock(0), Duration::from_secs(1));
        assert!(is_ours(&wish));
        assert!(!is_ours(&ControlRecord { by: Some(7), ..wish.clone() }));
        assert!(!is_ours(&ControlRecord { reason: "the laptop shuts down".to_owned(), ..wish.clone() }));
        assert!(!is_ours(&ControlRecord { mode: ControlMode::ForceLaptop, ..wish }));
        assert!(!is_ours(&taken_back()));
    }
}
