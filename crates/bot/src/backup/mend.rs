//! What an item of a backup becomes when it is put back.
//!
//! A copy of DynamoDB is not of one moment, so a reminder may be there without its entry in the outbox, or an entry
//! without its reminder. Whatever only points to a record is therefore not believed, but made anew from the record, which
//! is one item and never torn. Of a copy that is whole the same comes out as went in.

use relais_store::{StateItem, StateKey, Write, archive::UnknownForm};
use serde_json::json;

use crate::{
    commands::{keys, tag},
    gateway, registration,
    reminders::record::{Pointer, Reminder},
};

/// The items that an item becomes: itself with what points to it, or nothing.
///
/// Nothing becomes of: sessions, which are Discord's to forget and not ours to take up again; the mark of what Discord was
/// told of our commands, which may be another table by now; and what points to a record.
///
/// # Errors
/// [`UnknownForm`] for a reminder that a newer program wrote: what points to it cannot be made here.
pub fn mended(item: StateItem) -> Result<Vec<StateItem>, UnknownForm> {
    if gateway::is_session(&item.key) || item.key == registration::key() || points(&item) {
        return Ok(Vec::new());
    }
    if keys::is_reminder(&item.key) && Reminder::of(&item).is_none() {
        return Err(UnknownForm { key: item.key });
    }
    let pointers: Vec<StateItem> = pointers(&item);
    Ok(std::iter::once(item).chain(pointers).collect())
}

/// Whether an item only says where another one is.
fn points(item: &StateItem) -> bool {
    let of_outbox = item.key.as_str().starts_with("OUTBOX#");
    (of_outbox && serde_json::from_value::<Pointer>(item.value.clone()).is_ok()) || keys::is_authored(&item.key)
}

fn pointers(item: &StateItem) -> Vec<StateItem> {
    if let Some(reminder) = Reminder::of(item) {
        // The reminder itself stays as it is, with its revision.
        let others = reminder.kept().into_iter().filter_map(|write| match write {
            Write::Put { key, value } if key != item.key => Some(new(key, value)),
            Write::Put { .. } | Write::Delete { .. } | Write::AppendEvent(_) | Write::Control(_) => None,
        });
        return others.collect();
    }
    let Some((place, name)) = keys::tag_of(&item.key) else { return Vec::new() };
    tag::author_of(Some(item)).map(|author| new(keys::authored(author, place, name), json!({}))).into_iter().collect()
}

const fn new(key: StateKey, value: serde_json::Value) -> StateItem {
    StateItem { key, value, revision: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reminders::record::State;

    fn item(key: StateKey, value: serde_json::Value) -> StateItem {
        StateItem { key, value, revision: 3 }
    }

    fn kept(reminder: &Reminder) -> Vec<StateItem> {
        let puts = reminder.kept().into_iter().filter_map(|write| match write {
            Write::Put { key, value } => Some(new(key, value)),
            _ => None,
        });
        puts.collect()
    }

    fn all(items: &[StateItem]) -> Vec<StateItem> {
        let mut all: Vec<_> = items.iter().cloned().flat_map(|item| mended(item).unwrap()).collect();
        all.sort_by(|one, other| one.key.cmp(&other.key));
        all
    }

    #[test]
    fn what_is_whole_comes_out_as_it_went_in() {
        let mut items = kept(&Reminder::single("1790000000000000000", 7, 42, "milk", 1_790_000_000_000));
        items.push(new(keys::tag("42", "rules"), json!({ "text": "be kind", "by": "7" })));
        items.push(new(keys::authored(7, "42", "rules"), json!({})));
        items.push(new(keys::zone(7), json!({ "zone": "Europe/Paris" })));
        items.push(new(StateKey::state("IDENTIFY"), json!({ "at": [1, 2] })));
        items.push(new(StateKey::outbox("later-kinds"), json!({ "of": "another form" })));
        items.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(all(&items), items);
    }

    #[test]
    fn a_reminder_without_its_entry_gets_one_and_an_entry_without_its_reminder_goes() {
        let reminder = Reminder::single("1790000000000000000", 7, 42, "milk", 1_790_000_000_000);
        let [record, entry] = &kept(&reminder)[..] else { panic!("a record and its entry") };
        assert_eq!(all(std::slice::from_ref(record)), [entry.clone(), record.clone()]);
        assert_eq!(all(std::slice::from_ref(entry)), []);
        // The copy has the entry of one moment and the record of a later one.
        let moved = Reminder { next_ms: reminder.next_ms + 10_000, tries: 1, ..reminder };
        let [record, new_entry] = &kept(&moved)[..] else { panic!("a record and its entry") };
        assert_eq!(all(&[entry.clone(), record.clone()]), [new_entry.clone(), record.clone()]);
    }

    #[test]
    fn a_reminder_that_waits_no_more_has_no_entry() {
        let failed = Reminder { state: State::Failed, ..Reminder::single("179", 7, 42, "milk", 5) };
        assert_eq!(all(&kept(&failed)).len(), 1);
    }

    #[test]
    fn a_tag_is_its_authors_and_an_author_without_the_tag_is_not() {
        let tag = item(keys::tag("42", "rules"), json!({ "text": "be kind", "by": "7" }));
        let authored = new(keys::authored(7, "42", "rules"), json!({}));
        assert_eq!(all(std::slice::from_ref(&tag)), [tag, authored.clone()]);
        assert_eq!(all(&[authored]), []);
    }

    #[test]
    fn what_was_of_that_moment_only_does_not_come_back() {
        let gone = [item(gateway::session_key(3), json!({})), item(registration::key(), json!({ "hash": "x" }))];
        assert_eq!(all(&gone), []);
    }

    #[test]
    fn a_reminder_of_a_newer_form_is_refused_and_not_left_without_its_entry() {
        let mut newer = kept(&Reminder::single("179", 7, 42, "milk", 5)).remove(0);
        newer.value["schema"] = json!(2);
        assert_eq!(mended(newer.clone()), Err(UnknownForm { key: newer.key }));
    }
}
