//! The machine's clock that counts suspend, its boot identity and its randomness.

use std::{io, time::Duration};

use relais_failover::{Timestamp, WallClock};
use rustix::time::{ClockId, clock_gettime};

/// How far `REALTIME - BOOTTIME` may move between two looks before it counts as a suspend that BOOTTIME missed
/// (a paused hypervisor, a stepped wall clock). Source: the protocol's clock rules.
pub const JUMP_LIMIT: Duration = Duration::from_secs(2);

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

/// `REALTIME - BOOTTIME` in milliseconds: constant while nothing pauses the machine behind its back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset(i64);

impl Offset {
    /// Reads both clocks now.
    #[must_use]
    pub fn read() -> Self {
        Self(millis(ClockId::Realtime).saturating_sub(millis(ClockId::Boottime)))
    }

    /// An offset of that many milliseconds, for tests.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
}

/// How far the offset moved between two looks, in either direction. Compare with [`JUMP_LIMIT`].
#[must_use]
pub const fn jump_of(before: Offset, after: Offset) -> Duration {
    Duration::from_millis(after.0.abs_diff(before.0))
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
    fn jump_is_measured_in_both_directions() {
        let (low, high) = (Offset::from_millis(-1_500), Offset::from_millis(1_000));
        assert_eq!(jump_of(low, high), Duration::from_millis(2_500));
        assert_eq!(jump_of(high, low), Duration::from_millis(2_500));
        assert!(jump_of(low, high) > JUMP_LIMIT);
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
