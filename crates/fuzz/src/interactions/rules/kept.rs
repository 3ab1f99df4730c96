//! What holds for all records together, as long as nobody spoilt one.

use std::collections::{BTreeMap, BTreeSet};

use relais_bot::{
    commands::{keys, remind::PENDING_MAX, tag::TAGS_MAX},
    reminders::{Pointer, Reminder, State},
};
use relais_store::StateItem;

use super::holds;

/// Every waiting reminder has its one entry in the outbox, every entry its reminder; every tag is known to its author,
/// and no author knows of a tag that is none; nobody has more than they may.
pub(crate) fn whole(items: &[StateItem], outbox: &[StateItem]) -> Result<(), String> {
    let (mut waiting, mut tags, mut authored) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for item in items {
        let key = item.key.as_str();
        if let Some((place, name)) = key.strip_prefix("STATE#TAG#").and_then(|rest| rest.split_once('#')) {
            let by =
                item.value["by"].as_str().and_then(|by| by.parse().ok()).ok_or_else(|| format!("{key} by none"))?;
            tags.insert(keys::authored(by, place, name));
        } else if key.contains("#REMINDER#") {
            let reminder = Reminder::read(&item.value).ok_or_else(|| format!("{key} is no reminder"))?;
            holds!(reminder.key() == item.key, "{key} holds {reminder:?}");
            if reminder.state == State::Pending {
                waiting.insert(reminder.outbox_key(), reminder);
            }
        } else if key.contains("#TAG#") {
            authored.insert(item.key.clone());
        }
    }
    holds!(tags == authored, "tags by author {tags:?}, authors know {authored:?}");
    for entry in outbox {
        let pointer: Pointer =
            serde_json::from_value(entry.value.clone()).map_err(|error| format!("{}: {error}", entry.key))?;
        let reminder = waiting.remove(&entry.key).ok_or_else(|| format!("{} points to nothing", entry.key))?;
        holds!(pointer.key() == reminder.key(), "{} points to {}", entry.key, pointer.key());
    }
    holds!(waiting.is_empty(), "without an entry in the outbox: {waiting:?}");
    bounded(items)
}

fn bounded(items: &[StateItem]) -> Result<(), String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        let key = item.key.as_str();
        let waits = Reminder::read(&item.value).is_some_and(|reminder| reminder.state == State::Pending);
        if key.starts_with("STATE#TAG#") || waits {
            *counts.entry(key.rsplit_once('#').map_or(key, |(before, _)| before)).or_default() += 1;
        }
    }
    for (of, count) in counts {
        let most = if of.starts_with("STATE#TAG#") { TAGS_MAX } else { PENDING_MAX };
        holds!(count <= most, "{count} records of {of}");
    }
    Ok(())
}
