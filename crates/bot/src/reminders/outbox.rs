//! What an attempt at a reminder leads to, as a pure decision.

use jiff::Timestamp;
use relais_store::Write;

use super::record::{Reminder, State};

/// Waits between tries, seconds: 10 s, 1 min, 5 min, 30 min, then every hour.
const WAITS: [i64; 5] = [10, 60, 300, 1_800, 3_600];

/// Later than this, ms, and the message says so.
pub const LATE_MS: i64 = 60_000;

/// Later than this, ms, and it is not sent any more: 7 days.
pub const EXPIRES_MS: i64 = 7 * 24 * 3_600_000;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Discord shows it.
    Shown,
    /// It could not be shown for now, or nobody knows.
    InVain,
    /// Discord does not let this bot write to the user at all.
    Refused,
}

/// What to do with an entry that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send it. `late`: the message says so.
    Send {
        /// Whether it is late.
        late: bool,
    },
    /// It is too late to be of use.
    Expire,
}

/// Whether a due reminder is still to be sent.
#[must_use]
pub fn next(reminder: &Reminder, now: Timestamp) -> Next {
    let late = now.as_millisecond().saturating_sub(reminder.due_ms);
    if late > EXPIRES_MS { Next::Expire } else { Next::Send { late: late > LATE_MS } }
}

/// What is written after an attempt. Everything of one moment stands in one transaction.
#[must_use]
pub fn after(reminder: &Reminder, attempt: Attempt, now: Timestamp) -> Vec<Write> {
    match attempt {
        Attempt::Shown => settled(reminder, None, now),
        Attempt::Refused => settled(reminder, Some(State::Failed), now),
        Attempt::InVain => {
            let wait = WAITS.get(reminder.tries as usize).or(WAITS.last()).copied().unwrap_or(3_600);
            let next_ms = now.as_millisecond().saturating_add(wait * 1000);
            replaced(reminder, &Reminder { next_ms, tries: reminder.tries.saturating_add(1), ..reminder.clone() })
        }
    }
}

/// What is written for one that is too late.
#[must_use]
pub fn expired(reminder: &Reminder, now: Timestamp) -> Vec<Write> {
    settled(reminder, Some(State::Expired), now)
}

/// This moment is over: a repeat moves on to its next one that is still ahead, a single one goes or stays as a failure.
fn settled(reminder: &Reminder, bad: Option<State>, now: Timestamp) -> Vec<Write> {
    // A user who cannot be written to cannot be written to tomorrow.
    let again = if bad == Some(State::Failed) { None } else { following(reminder, now) };
    match (again, bad) {
        (Some(next), _) => replaced(reminder, &next),
        (None, Some(state)) => replaced(reminder, &Reminder { state, ..reminder.clone() }),
        (None, None) => reminder.forgotten(),
    }
}

fn replaced(old: &Reminder, new: &Reminder) -> Vec<Write> {
    let moved = new.state != State::Pending || new.outbox_key() != old.outbox_key();
    let gone = moved.then(|| Write::Delete { key: old.outbox_key() });
    gone.into_iter().chain(new.kept()).collect()
}

/// The next moment after now. Those that an outage swallowed are not made up for one by one.
fn following(reminder: &Reminder, now: Timestamp) -> Option<Reminder> {
    let every = reminder.repeat?;
    let zone = relais_moment::zone(&reminder.zone).ok()?;
    let first = Timestamp::from_millisecond(reminder.first_ms).ok()?;
    let due_ms = relais_moment::next_occurrence(first, every.into(), &zone, now.max(reminder.due()))?.as_millisecond();
    let occurrence = reminder.occurrence.saturating_add(1);
    Some(Reminder { due_ms, next_ms: due_ms, tries: 0, occurrence, ..reminder.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reminders::record::Every;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn reminder(due: &str, repeat: Option<Every>) -> Reminder {
        Reminder {
            channel: Some(5),
            zone: "Europe/Paris".to_owned(),
            repeat,
            ..Reminder::single("1790000000000000000", 7, 42, "milk", at(due).as_millisecond())
        }
    }

    /// The reminder as the writes leave it, and the keys of the outbox they add and take away.
    fn left(writes: &[Write]) -> (Option<Reminder>, Vec<String>, Vec<String>) {
        let (mut kept, mut added, mut gone) = (None, Vec::new(), Vec::new());
        for write in writes {
            match write {
                Write::Put { key, value } if key.as_str().starts_with("STATE#") => kept = Reminder::read(value),
                Write::Put { key, .. } => added.push(key.to_string()),
                Write::Delete { key } if key.as_str().starts_with("OUTBOX#") => gone.push(key.to_string()),
                Write::Delete { .. } | Write::AppendEvent(_) | Write::Control(_) => {}
            }
        }
        (kept, added, gone)
    }

    #[test]
    fn a_shown_reminder_is_forgotten_with_its_entry() {
        let one = reminder("2026-12-24T17:00:00Z", None);
        let writes = after(&one, Attempt::Shown, at("2026-12-24T17:00:01Z"));
        assert_eq!(writes, one.forgotten());
        assert_eq!(left(&writes), (None, vec![], vec![one.outbox_key().to_string()]));
    }

    #[test]
    fn a_try_in_vain_is_repeated_ever_more_slowly_and_never_forgotten() {
        let mut one = reminder("2026-12-24T17:00:00Z", None);
        let mut now = at("2026-12-24T17:00:00Z");
        let mut waits = Vec::new();
        for _ in 0..7 {
            let (kept, added, gone) = left(&after(&one, Attempt::InVain, now));
            let next = kept.unwrap();
            assert_eq!((added, gone), (vec![next.outbox_key().to_string()], vec![one.outbox_key().to_string()]));
            assert_eq!((next.due_ms, next.nonce()), (one.due_ms, one.nonce()));
            waits.push((next.next_ms - now.as_millisecond()) / 1000);
            now = Timestamp::from_millisecond(next.next_ms).unwrap();
            one = next;
        }
        assert_eq!(waits, [10, 60, 300, 1_800, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn a_refused_one_stays_as_failed_and_leaves_the_outbox() {
        for repeat in [None, Some(Every::Day)] {
            let one = reminder("2026-12-24T17:00:00Z", repeat);
            let (kept, added, gone) = left(&after(&one, Attempt::Refused, at("2026-12-24T17:00:01Z")));
            assert_eq!(kept.unwrap().state, State::Failed);
            assert_eq!((added.len(), gone), (0, vec![one.outbox_key().to_string()]));
        }
    }

    #[test]
    fn late_is_said_and_a_week_is_too_late() {
        let one = reminder("2026-12-24T17:00:00Z", None);
        assert_eq!(next(&one, at("2026-12-24T17:01:00Z")), Next::Send { late: false });
        assert_eq!(next(&one, at("2026-12-24T17:01:01Z")), Next::Send { late: true });
        assert_eq!(next(&one, at("2026-12-31T17:00:00Z")), Next::Send { late: true });
        assert_eq!(next(&one, at("2026-12-31T17:00:01Z")), Next::Expire);
        let (kept, added, _) = left(&expired(&one, at("2027-01-01T00:00:00Z")));
        assert_eq!((kept.unwrap().state, added.len()), (State::Expired, 0));
    }

    #[test]
    fn a_repeat_keeps_its_wall_clock_time_and_gets_a_nonce_of_its_own() {
        // 18:00 in Paris is 17:00 UTC in winter and 16:00 UTC in summer.
        let one = reminder("2026-03-28T17:00:00Z", Some(Every::Day));
        let (kept, added, gone) = left(&after(&one, Attempt::Shown, at("2026-03-28T17:00:02Z")));
        let next = kept.unwrap();
        assert_eq!(next.due(), at("2026-03-29T16:00:00Z"));
        assert_eq!((added.len(), gone.len(), next.tries, next.occurrence), (1, 1, 0, 1));
        assert_ne!(next.nonce(), one.nonce());
    }

    #[test]
    fn a_repeat_after_a_long_outage_goes_on_with_the_next_one_ahead() {
        let one = reminder("2026-03-01T17:00:00Z", Some(Every::Week));
        let (kept, ..) = left(&expired(&one, at("2026-04-01T12:00:00Z")));
        assert_eq!((kept.as_ref().unwrap().due(), kept.unwrap().state), (at("2026-04-05T16:00:00Z"), State::Pending));
    }

    #[test]
    fn a_nonce_fits_and_entries_stand_in_the_order_of_their_moments() {
        let far = Reminder { id: u64::MAX.to_string(), occurrence: 9_999, ..reminder("2028-12-24T17:00:00Z", None) };
        assert!(far.nonce().len() <= 25, "{}", far.nonce());
        assert!(reminder("2026-12-24T17:00:00Z", None).outbox_key() < far.outbox_key());
    }
}
