//! How often the bot may move: waits before a hand-back, parking, the IDENTIFY budget (protocol, damping).

use core::{num::NonZeroU32, time::Duration};

use crate::policy::Policy;
use crate::records::{EventKind, EventRecord};
use crate::timestamp::WallClock;

/// Unplanned moves to the site that is not preferred, within the policy's window before `wall`. A planned hand-over
/// loses nothing and does not count.
#[must_use]
pub fn flips(history: &[EventRecord], wall: WallClock, policy: &Policy) -> u32 {
    let count = history
        .iter()
        .filter(|event| {
            event.kind == EventKind::TakenOver
                && event.site != policy.preferred
                && wall.since(event.at) < policy.flip_window
        })
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// How long the preferred site must be stable before it asks for the lease: `handback_after`, doubled for every flip
/// after the first, at most `handback_cap`; from `flips_to_park` on at least `park`.
#[must_use]
pub fn handback_wait(flips: u32, policy: &Policy) -> Duration {
    if parked(flips, policy) {
        return policy.park.max(policy.handback_after);
    }
    let doublings = flips.saturating_sub(1).min(20);
    policy.handback_after.saturating_mul(1 << doublings).min(policy.handback_cap)
}

/// Whether the bot stays in the cloud for now.
#[must_use]
pub const fn parked(flips: u32, policy: &Policy) -> bool {
    flips >= policy.flips_to_park
}

/// A day: the window of Discord's IDENTIFY limit and of the budget of starts.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the IDENTIFY budget says about one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentifyBudget {
    /// Spend one; this many were spent in the last 24 h before it.
    Left(u32),
    /// Refused: Discord resets the token of a bot that goes on.
    Spent,
}

/// How many IDENTIFYs a bot of so many shards may send in 24 h: the policy's number for each shard, and all together at
/// most nine tenths of what Discord allows (`session_start_limit.total` of `GET /gateway/bot`, 1,000 for most bots).
#[must_use]
pub fn identify_allowance(shards: NonZeroU32, discord_allows: u32, policy: &Policy) -> u32 {
    policy.identifies_per_day.saturating_mul(shards.get()).min(discord_allows - discord_allows.div_ceil(10))
}

/// Judges one more IDENTIFY given the wall-clock times of the earlier ones and what is allowed in 24 h (S6).
#[must_use]
pub fn identify_budget(earlier: &[WallClock], wall: WallClock, allowance: u32) -> IdentifyBudget {
    let spent = earlier.iter().filter(|at| wall.since(**at) < DAY).count();
    match u32::try_from(spent) {
        Ok(spent) if spent < allowance => IdentifyBudget::Left(spent),
        Ok(_) | Err(_) => IdentifyBudget::Spent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Site, Term};

    #[test]
    fn waits_double_up_to_the_cap_and_park_at_the_fourth_flip() {
        let policy = Policy::embedded();
        let waits: Vec<u64> = (0..6).map(|flips| handback_wait(flips, &policy).as_secs()).collect();
        assert_eq!(waits, [120, 120, 240, 480, 3600, 3600]);
    }

    #[test]
    fn only_unplanned_moves_to_the_cloud_within_the_window_are_flips() {
        let policy = Policy::embedded();
        let event = |kind, site, at| EventRecord { schema: 1, kind, site, term: Term(1), at: WallClock(at) };
        let now = WallClock(100_000_000);
        let history = [
            event(EventKind::TakenOver, Site::Cloud, 99_000_000),
            event(EventKind::HandedOver, Site::Cloud, 99_000_000),
            event(EventKind::TakenOver, Site::Laptop, 99_000_000),
            event(EventKind::TakenOver, Site::Cloud, 100_000_000 - 21_600_000),
        ];
        assert_eq!(flips(&history, now, &policy), 1);
    }

    #[test]
    fn the_identify_budget_forgets_after_a_day() {
        let day = 24 * 60 * 60 * 1000;
        let earlier = vec![WallClock(1); 100];
        assert_eq!(identify_budget(&earlier, WallClock(day), 100), IdentifyBudget::Spent);
        assert_eq!(identify_budget(&earlier, WallClock(day), 101), IdentifyBudget::Left(100));
        assert_eq!(identify_budget(&earlier, WallClock(day + 1), 100), IdentifyBudget::Left(0));
    }

    #[test]
    fn each_shard_has_its_share_of_identifies_but_never_all_that_discord_allows() {
        let policy = Policy::embedded();
        let allowance = |shards, total| identify_allowance(NonZeroU32::new(shards).unwrap(), total, &policy);
        assert_eq!([allowance(1, 1000), allowance(4, 1000), allowance(16, 1000)], [100, 400, 900]);
        assert_eq!([allowance(16, 2000), allowance(1, 5), allowance(1, 0)], [1600, 4, 0]);
    }
}
