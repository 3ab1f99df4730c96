//! What a request may read: nothing of another user.

use relais_bot::commands::{Read, Request, State, keys};
use relais_store::{StateItem, limits::MAX_KEY_BYTES};

use super::holds;

/// Whether everything that was read is the user's own, or their place's. `possible`: Discord would send such a request.
pub(crate) fn own(request: &Request, state: &State, possible: bool) -> Result<(), String> {
    state.done.iter().try_for_each(|read| match read {
        Read::Item(key) => {
            holds!(!possible || key.as_str().len() <= MAX_KEY_BYTES, "no store has the key {key}");
            one(request, state, key.as_str())
        }
        Read::Under(prefix, _) => one(request, state, prefix),
        // The history is everybody's.
        _ => Ok(()),
    })
}

fn one(request: &Request, state: &State, key: &str) -> Result<(), String> {
    let mine = keys::of_user(request.user);
    let named = |item: &StateItem| key.strip_prefix("STATE#TAG#").is_some_and(|rest| item.key.as_str().ends_with(rest));
    let allowed = key.starts_with(&mine)
        || key.starts_with(&keys::tags(&request.place()))
        || request.guild.is_some_and(|guild| key == keys::guild_zone(guild).as_str())
        || key == relais_bot::reminders::OUTBOX
        // The tags that the user wrote, wherever.
        || state.under(&keys::all_authored(request.user)).any(named);
    holds!(allowed || !key.starts_with("STATE#"), "user {} read {key}", request.user);
    Ok(())
}
