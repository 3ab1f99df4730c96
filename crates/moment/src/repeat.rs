//! Moments that come again at the same time of day.

use jiff::{Span, Timestamp, tz::TimeZone};

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Every day.
    Daily,
    /// Every week, on the same day.
    Weekly,
}

impl Repeat {
    const fn days(self) -> i64 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
        }
    }
}

/// The first moment after `after` of a repeat that began at `first`; none at the end of the calendar.
///
/// Each keeps the time of day that `first` has in `zone`: where the clock skips that time it is later on that one day,
/// and where the clock shows it twice it is the first of the two.
#[must_use]
pub fn next_occurrence(first: Timestamp, repeat: Repeat, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    // Always from the first one: a moment that was moved by a gap must not move those that follow it.
    let begin = zone.to_datetime(first);
    let nth = |n: i64| {
        let days = Span::new().try_days(n.checked_mul(repeat.days())?).ok()?;
        Some(zone.to_zoned_datetime(begin.checked_add(days).ok()?).ok()?.timestamp())
    };
    let passed = after.as_second().saturating_sub(first.as_second()).max(0);
    // No day is shorter than 22 hours or longer than 26: this many have certainly passed, and few are left to try.
    let mut n = (passed / (repeat.days() * 86_400)).saturating_sub(2).max(0);
    loop {
        let moment = nth(n)?;
        if moment > after {
            return Some(moment);
        }
        n += 1;
    }
}
