//! Where everything is kept. All that belongs to a user stands under one prefix, so that it can be shown and erased whole.

use relais_store::StateKey;

/// What all records of a user begin with.
#[must_use]
pub fn of_user(user: u64) -> String {
    StateKey::state(format_args!("USER#{user}#")).as_str().to_owned()
}

/// A user's time zone.
#[must_use]
pub fn zone(user: u64) -> StateKey {
    StateKey::state(format_args!("USER#{user}#ZONE"))
}

/// How much a user asked for lately.
#[must_use]
pub fn rate(user: u64) -> StateKey {
    StateKey::state(format_args!("USER#{user}#RATE"))
}

/// One reminder of a user.
#[must_use]
pub fn reminder(user: u64, place: &str, id: &str) -> StateKey {
    StateKey::state(format_args!("USER#{user}#REMINDER#{place}#{id}"))
}

/// What a user's reminders of one place begin with.
#[must_use]
pub fn reminders(user: u64, place: &str) -> String {
    StateKey::state(format_args!("USER#{user}#REMINDER#{place}#")).as_str().to_owned()
}

/// What all reminders of a user begin with.
#[must_use]
pub fn all_reminders(user: u64) -> String {
    StateKey::state(format_args!("USER#{user}#REMINDER#")).as_str().to_owned()
}

/// That a user wrote a tag.
#[must_use]
pub fn authored(user: u64, place: &str, name: &str) -> StateKey {
    StateKey::state(format_args!("USER#{user}#TAG#{place}#{name}"))
}

/// What the tags of a user begin with.
#[must_use]
pub fn all_authored(user: u64) -> String {
    StateKey::state(format_args!("USER#{user}#TAG#")).as_str().to_owned()
}

/// A tag.
#[must_use]
pub fn tag(place: &str, name: &str) -> StateKey {
    StateKey::state(format_args!("TAG#{place}#{name}"))
}

/// What the tags of a place begin with.
#[must_use]
pub fn tags(place: &str) -> String {
    StateKey::state(format_args!("TAG#{place}#")).as_str().to_owned()
}

/// The place and the name of a tag; none of another item.
#[must_use]
pub fn tag_of(key: &StateKey) -> Option<(&str, &str)> {
    key.as_str().strip_prefix("STATE#TAG#")?.rsplit_once('#')
}

/// Whether it only says that a user wrote a tag.
#[must_use]
pub fn is_authored(key: &StateKey) -> bool {
    kind_of_user(key) == Some("TAG")
}

/// Whether a reminder is kept there.
#[must_use]
pub fn is_reminder(key: &StateKey) -> bool {
    kind_of_user(key) == Some("REMINDER")
}

/// `STATE#USER#<id>#<kind>#…`.
fn kind_of_user(key: &StateKey) -> Option<&str> {
    key.as_str().strip_prefix("STATE#USER#")?.split('#').nth(1)
}

/// A server's time zone.
#[must_use]
pub fn guild_zone(guild: u64) -> StateKey {
    StateKey::state(format_args!("GUILD#{guild}#ZONE"))
}

/// The last part of a key.
#[must_use]
pub fn last_part(key: &StateKey) -> &str {
    key.as_str().rsplit('#').next().unwrap_or_default()
}
