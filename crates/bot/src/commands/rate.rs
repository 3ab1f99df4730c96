//! How much one user may ask for. Kept in the store, so that a failover forgives nobody.

use jiff::Timestamp;
use relais_store::{StateItem, Write};
use serde_json::json;

use super::keys;

/// Interactions that a user may have within [`WINDOW_MS`].
pub const MOST: u64 = 30;

/// The window, ms.
pub const WINDOW_MS: i64 = 60_000;

/// Spends one interaction of `user`, or says how many seconds to wait.
///
/// # Errors
/// The seconds until the window ends, at least 1.
pub fn spend(user: u64, kept: Option<&StateItem>, now: Timestamp) -> Result<Write, u64> {
    let now = now.as_millisecond();
    let number = |name: &str| kept.and_then(|item| item.value.get(name)?.as_i64());
    let (since, spent) = match (number("since"), number("spent")) {
        // A window that begins in the future is of a clock that was wrong: it ends now.
        (Some(since), Some(spent)) if (0..WINDOW_MS).contains(&(now.saturating_sub(since))) => (since, spent),
        _ => (now, 0),
    };
    if u64::try_from(spent).unwrap_or(0) >= MOST {
        let left = since.saturating_add(WINDOW_MS).saturating_sub(now);
        return Err(u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1));
    }
    let value = json!({ "since": since, "spent": spent.saturating_add(1) });
    Ok(Write::Put { key: keys::rate(user), value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + millis).unwrap()
    }

    fn kept(write: Write) -> StateItem {
        match write {
            Write::Put { key, value } => StateItem { key, value, revision: 1 },
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_window_has_its_share_and_then_a_wait_and_then_a_new_share() {
        let mut item = None;
        for n in 0..MOST {
            item = Some(kept(spend(7, item.as_ref(), at(i64::try_from(n).unwrap() * 10)).unwrap()));
        }
        assert_eq!(spend(7, item.as_ref(), at(15_500)), Err(45));
        assert_eq!(spend(7, item.as_ref(), at(59_999)), Err(1));
        let fresh = kept(spend(7, item.as_ref(), at(60_000)).unwrap());
        assert_eq!(fresh.value["spent"], 1);
    }

    #[test]
    fn a_clock_that_went_back_and_a_record_that_is_none_open_a_new_window() {
        for value in [json!({ "since": at(1_000).as_millisecond(), "spent": 30 }), json!("?"), json!({ "since": 1 })] {
            let item = StateItem { key: keys::rate(7), value, revision: 1 };
            assert!(spend(7, Some(&item), at(0)).is_ok());
        }
    }
}
