//! How long to wait before the next connection: never nothing, longer each time, never in step with another process.

use std::time::Duration;

use relais_failover::Policy;
use relais_host::clock::random_128;

/// Grows with every connection and falls back only after one that lasted: a RESUME that succeeds proves nothing when two
/// processes take the session from each other several hundred times a second.
#[derive(Debug)]
pub(super) struct Backoff {
    base: Duration,
    cap: Duration,
    next: Duration,
}

impl Backoff {
    /// From the policy's shortest wait (1 s unpaced) to thirty times that.
    pub(super) fn new(policy: &Policy) -> Self {
        let base = policy.reidentify_wait;
        Self { base, cap: base * 30, next: base }
    }

    /// The next wait: at least the base, with up to half as much again by chance.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next + self.next.mul_f64(chance() / 2.0);
        self.next = (self.next * 2).min(self.cap);
        wait
    }

    /// The last connection was active that long; `lasting` is how long counts as proof.
    pub(super) fn lasted(&mut self, active: Duration, lasting: Duration) {
        if active >= lasting {
            self.next = self.base;
        }
    }

    /// The longest wait, when a sooner try would be refused again.
    pub(super) fn longest(&mut self) -> Duration {
        self.next = self.cap;
        self.wait()
    }

    /// The wait after an invalid session: 1 to 5 times the base (Discord: 1 to 5 s), at random.
    pub(super) fn after_invalid(&mut self) -> Duration {
        self.wait().max(self.base.mul_f64(1.0 + 1.5 * chance()))
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    (random_128() >> 96) as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_a_short_success_does_not_shorten_them() {
        let policy = Policy::embedded();
        let mut backoff = Backoff::new(&policy);
        let mut last = Duration::ZERO;
        for _ in 0..4 {
            let wait = backoff.wait();
            backoff.lasted(Duration::from_secs(1), policy.pulse_ack_max);
            assert!(wait >= policy.reidentify_wait && wait > last, "{wait:?} after {last:?}");
            last = wait;
        }
        for _ in 0..20 {
            assert!(backoff.wait() <= policy.reidentify_wait * 45);
        }
        backoff.lasted(policy.pulse_ack_max, policy.pulse_ack_max);
        assert!(backoff.wait() <= policy.reidentify_wait * 2);
    }
}
