//! An effect on Discord, bounded by the clock that the lease goes by.
//!
//! A timer of the runtime stands still while the machine sleeps. A request that was begun before a sleep would be carried
//! to its end after it, by a site whose lease is long over (seen with a laptop in S3). So the boot clock is asked before
//! each step of an effect: what did not leave the process before the sleep never does.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use relais_host::clock::Clock;

/// The effect took longer than it may; whether Discord took it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late;

/// Carries `effect` out, for at most `limit` by `clock`; then it is dropped where it stands.
///
/// # Errors
/// [`Late`].
pub(crate) async fn within<F: Future>(clock: &dyn Clock, limit: Duration, effect: F) -> Result<F::Output, Late> {
    let until = clock.now() + limit;
    let mut effect = pin!(effect);
    let steps = poll_fn(|context| {
        if clock.now() >= until {
            return Poll::Ready(Err(Late));
        }
        effect.as_mut().poll(context).map(Ok)
    });
    tokio::time::timeout(limit, steps).await.unwrap_or(Err(Late))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use relais_failover::{Timestamp, WallClock};
    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(4);

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }

        fn wall(&self) -> WallClock {
            WallClock(0)
        }
    }

    /// An effect of two steps: the second, which is what others would see, comes after `gate`.
    async fn two_steps(gate: oneshot::Receiver<()>, seen: &AtomicU64) {
        let _ = gate.await;
        seen.fetch_add(1, Ordering::SeqCst);
    }

    async fn slept(asleep: Duration) -> (Result<(), Late>, u64) {
        let (clock, seen) = (Hand::default(), AtomicU64::new(0));
        let (open, gate) = oneshot::channel();
        let wakes = async {
            tokio::task::yield_now().await;
            clock.0.store(u64::try_from(asleep.as_millis()).unwrap(), Ordering::SeqCst);
            open.send(()).unwrap();
        };
        let (ended, ()) = tokio::join!(within(&clock, LIMIT, two_steps(gate, &seen)), wakes);
        (ended, seen.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn what_a_long_sleep_interrupted_takes_no_further_step() {
        assert_eq!(slept(Duration::from_secs(40)).await, (Err(Late), 0));
    }

    #[tokio::test]
    async fn what_a_short_sleep_interrupted_goes_on() {
        assert_eq!(slept(Duration::from_secs(1)).await, (Ok(()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_late() {
        assert_eq!(within(&Hand::default(), LIMIT, std::future::pending::<()>()).await, Err(Late));
    }
}
