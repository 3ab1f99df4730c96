//! Whether there is time for another look in this invocation.

use core::time::Duration;

use relais_failover::{Policy, Timestamp};

/// What a look and the last words of an invocation need at most, as a rule: a look that is cut off in the middle is no look.
pub const ROOM: Duration = Duration::from_secs(5);

/// The span of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub began: Timestamp,
    /// When Lambda ends it, by the same clock.
    pub deadline: Timestamp,
}

impl Span {
    /// How long to wait before the look that is asked for after `next`, counted from the last look's beginning; none if it
    /// would begin after the policy's `passes`, or too late to be finished.
    #[must_use]
    pub fn another(self, policy: &Policy, looked: Timestamp, next: Duration, now: Timestamp) -> Option<Duration> {
        let at = (looked + next).max(now);
        let within = at < self.began + policy.passes && at + ROOM <= self.deadline;
        within.then(|| at.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    fn looks(deadline: u64, pace: u64, takes: u64) -> Vec<u64> {
        let policy = Policy::embedded();
        let span = Span { began: at(0), deadline: at(deadline) };
        let (mut now, mut all) = (at(0), Vec::new());
        loop {
            let looked = now;
            all.push(now.since(at(0)).as_secs());
            now = now + Duration::from_secs(takes);
            match span.another(&policy, looked, Duration::from_secs(pace), now) {
                Some(wait) => now = now + wait,
                None => return all,
            }
        }
    }

    #[test]
    fn looks_fill_the_passes_of_the_policy() {
        assert_eq!(looks(66, 5, 1), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
        assert_eq!(looks(66, 3, 0).len(), 20);
    }

    #[test]
    fn slow_looks_do_not_stretch_the_pace() {
        assert_eq!(looks(66, 5, 7), [0, 7, 14, 21, 28, 35, 42, 49, 56]);
    }

    #[test]
    fn a_near_deadline_ends_it_earlier() {
        assert_eq!(looks(20, 5, 1), [0, 5, 10, 15]);
        assert_eq!(looks(3, 5, 1), [0]);
    }
}
