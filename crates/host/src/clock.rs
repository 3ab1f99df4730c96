//! The machine's clock that counts suspend, its boot identity and its randomness.

use std::io;

use relais_failover::{Timestamp, WallClock};
use rustix::time::{ClockId, clock_gettime};

/// Where a shell reads the time; a trait so that a rehearsal can hand in a clock with a known fault.
pub trait Clock: Send + Sync {
    /// Milliseconds since this machine's boot, suspend included. Never comparable between machines.
    fn now(&self) -> Timestamp;
    /// Unix milliseconds: a hint for people, never an input to a decision.
    fn wall(&self) -> WallClock;
}

/// The real clock: `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Boottime;

impl Clock for Boottime {
    fn now(&self) -> Timestamp {
        now()
    }

    fn wall(&self) -> WallClock {
        WallClock(u64::try_from(millis(ClockId::Realtime)).unwrap_or(0))
    }
}

/// `CLOCK_BOOTTIME` now, in milliseconds since boot.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis(ClockId::Boottime)).unwrap_or(0))
}

/// `CLOCK_MONOTONIC` now, in milliseconds: stands still while the machine sleeps, so nothing that must be true after a sleep
/// may go by it. For the rehearsal's known bad design, and to tell how long a sleep was.
#[must_use]
pub fn monotonic() -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis(ClockId::Monotonic)).unwrap_or(0))
}

/// Unix time in milliseconds, for the watchdog: its memory outlives its process and its machine, and decides about power only.
#[must_use]
pub fn unix_now() -> Timestamp {
    Timestamp::from_millis(Boottime.wall().as_millis())
}

/// The kernel's identity of this boot (`/proc/sys/kernel/random/boot_id`).
///
/// # Errors
/// The file cannot be read (no `/proc`).
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// 128 bits from the kernel's generator: incarnations, versions, nonces.
#[must_use]
#[expect(clippy::expect_used, reason = "getrandom(2) with a valid buffer fails only on kernels older than 3.17")]
pub fn random_128() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has a random generator since Linux 3.17");
    u128::from_ne_bytes(bytes)
}

fn millis(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boottime_does_not_run_backwards() {
        let first = Boottime.now();
        assert!(Boottime.now() >= first);
    }

    #[test]
    fn wall_clock_is_after_the_year_2020() {
        assert!(Boottime.wall() > WallClock(1_577_836_800_000));
    }

    #[test]
    fn boot_id_is_stable_and_a_uuid() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(id, boot_id().unwrap());
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random_128(), random_128());
    }
}
