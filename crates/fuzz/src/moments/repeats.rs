//! Repeats: each is ahead of the one before, none is left out, and all keep their time of day.

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use relais_moment::{Repeat, next_occurrence};

use crate::interactions::rules::holds;

/// How many follow each other in one case.
const FOLLOWING: usize = 6;

pub(super) fn judge(first: Timestamp, repeat: Repeat, zone: &TimeZone, after: Timestamp) -> Result<(), String> {
    let mut last = after;
    for _ in 0..FOLLOWING {
        let Some(next) = next_occurrence(first, repeat, zone, last) else {
            let end = Timestamp::MAX.duration_since(last.max(first)).as_hours() < 24 * 9;
            holds!(end, "{repeat:?} of {first} ends after {last}");
            return Ok(());
        };
        holds!(next > last, "{next} follows {last}");
        one_of(first, repeat, zone, last, next)?;
        last = next;
    }
    Ok(())
}

/// Whether `next` is a whole number of days or weeks from `first` on the calendar, and the first such after `last`.
fn one_of(first: Timestamp, repeat: Repeat, zone: &TimeZone, last: Timestamp, next: Timestamp) -> Result<(), String> {
    let days = match repeat {
        Repeat::Daily => 1,
        Repeat::Weekly => 7,
    };
    let begin = zone.to_datetime(first);
    let nth = |n: i64| moment(begin, n.checked_mul(days)?, zone);
    let about = (next.as_second() - first.as_second()).div_euclid(days * 86_400);
    let found = (about - 2..=about + 2).find(|n| *n >= 0 && nth(*n) == Some(next));
    holds!(found.is_some(), "{next} is no {repeat:?} of {first}");
    let before = found.filter(|n| *n > 0).and_then(|n| nth(n - 1));
    holds!(before.is_none_or(|before| before <= last), "between {last} and {next} is {before:?}");
    Ok(())
}

fn moment(begin: DateTime, days: i64, zone: &TimeZone) -> Option<Timestamp> {
    let date = begin.checked_add(Span::new().try_days(days).ok()?).ok()?;
    zone.to_ambiguous_timestamp(date).compatible().ok()
}
