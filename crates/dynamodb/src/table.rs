//! What an item looks like. Partition key `pk`, sort key `sk`, both strings; the record itself is JSON in `body`, and what
//! a condition must see stands beside it.
//!
//! | item | `pk` | `sk` | beside `body` |
//! |---|---|---|---|
//! | lease, hand-back, override | `BOARD` | `LEASE`, `HANDBACK`, `CONTROL` | lease: `version`, `term`, `holder`, `incarnation`; hand-back: `site` |
//! | a restore that is under way | `BOARD` | `RESTORE` | `digest` |
//! | the watchdog's memory | `WATCH` | `WATCH` | `revision` |
//! | bot data, messages to deliver | `STATE`, `OUTBOX` | the whole key | `revision` |
//! | failover history | `EVENT` | its number, 20 digits | |
//! | mark of an operation | `OPERATION#` and its id | `OPERATION` | no `body`; `expires` |
//!
//! The three records of the board stand in one partition so that one query reads them; their sum is a few hundred bytes,
//! one read unit.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use relais_failover::wire::{self, Record, WireError};
use relais_failover::{Fence, LeaseRecord};
use relais_store::{StateItem, StateKey, StoreError};

use crate::Dynamo;

/// The table's partition key.
pub const PK: &str = "pk";
/// The table's sort key.
pub const SK: &str = "sk";
/// The attribute that DynamoDB's time to live goes by, Unix seconds.
pub const EXPIRES: &str = "expires";
/// How long the mark of an operation is kept. Discord's interactions live for 15 minutes, and what a reminder does is
/// guarded by its own entry; a month is far beyond whatever may be tried again.
pub const OPERATION_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) const BODY: &str = "body";
pub(crate) const VERSION: &str = "version";
pub(crate) const TERM: &str = "term";
pub(crate) const HOLDER: &str = "holder";
pub(crate) const INCARNATION: &str = "incarnation";
pub(crate) const SITE: &str = "site";
pub(crate) const REVISION: &str = "revision";

pub(crate) const BOARD: &str = "BOARD";
pub(crate) const EVENT: &str = "EVENT";

/// An item, or a key of one.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A key.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

/// Where an item of the bot's data stands: its class and its whole name.
pub(crate) fn state_key(name: &StateKey) -> Item {
    let class = name.as_str().split('#').next().unwrap_or_default();
    key(class, name.as_str())
}

pub(crate) fn operation_key(id: &str) -> Item {
    key(format!("OPERATION#{id}"), "OPERATION")
}

/// The classes of the bot's data, in the order of their names.
pub(crate) const CLASSES: [&str; 2] = ["OUTBOX", "STATE"];

/// A record as an item.
pub(crate) fn item<R: Record>(pk: &str, record: &R) -> Result<Item, WireError> {
    let mut item = key(pk, R::NAME);
    item.insert(BODY.to_owned(), text(wire::encode(record)?));
    Ok(item)
}

/// The lease as an item, with what conditions look at.
pub(crate) fn lease(record: &LeaseRecord) -> Result<Item, WireError> {
    let mut item = item(BOARD, record)?;
    item.insert(VERSION.to_owned(), text(record.version.to_string()));
    item.insert(TERM.to_owned(), number(record.term.0));
    if let Some(fence) = record.fence() {
        item.extend(holder(&fence).map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(item)
}

/// Who holds the lease, as attributes.
pub(crate) fn holder(fence: &Fence) -> [(&'static str, AttributeValue); 2] {
    [(HOLDER, text(fence.site.as_str())), (INCARNATION, text(fence.incarnation.to_string()))]
}

impl Dynamo {
    pub(crate) fn corrupt(&self, reason: impl ToString) -> StoreError {
        StoreError::Corrupt { store: self.table.clone(), reason: reason.to_string() }
    }

    pub(crate) fn wire(&self, error: WireError) -> StoreError {
        match error {
            WireError::Newer { record, found } => {
                StoreError::Newer { store: format!("{} ({record})", self.table), found, known: wire::SCHEMA }
            }
            WireError::Malformed { .. } => self.corrupt(error),
        }
    }

    /// The record in an item.
    pub(crate) fn record<R: Record>(&self, item: &Item) -> Result<R, StoreError> {
        wire::decode(self.body(item)?).map_err(|error| self.wire(error))
    }

    /// An item of the bot's data.
    pub(crate) fn state_item(&self, item: &Item) -> Result<StateItem, StoreError> {
        let name = self.string(item, SK)?;
        let key = name.parse().map_err(|error| self.corrupt(error))?;
        let value =
            serde_json::from_str(self.body(item)?).map_err(|error| self.corrupt(format_args!("{name}: {error}")))?;
        let revision = item.get(REVISION).and_then(|value| value.as_n().ok()?.parse().ok());
        let revision = revision.ok_or_else(|| self.corrupt(format_args!("{name} has no {REVISION}")))?;
        Ok(StateItem { key, value, revision })
    }

    fn body<'a>(&self, item: &'a Item) -> Result<&'a str, StoreError> {
        self.string(item, BODY)
    }

    pub(crate) fn string<'a>(&self, item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
        let found = item.get(name).and_then(|value| value.as_s().ok());
        found.map(String::as_str).ok_or_else(|| self.corrupt(format_args!("an item has no text {name}")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use relais_failover::{Claim, Incarnation, Site, Term, Version, WallClock};

    use super::*;

    #[test]
    fn a_free_lease_has_no_holder_that_a_fence_could_match() {
        let mut record = LeaseRecord::initial(Version::new(7), Duration::from_secs(30), WallClock(1));
        let free = lease(&record).unwrap();
        assert!(!free.contains_key(HOLDER) && !free.contains_key(INCARNATION));
        record.holder = Some(Claim { site: Site::Cloud, incarnation: Incarnation::new(9) });
        record.term = Term(3);
        let held = lease(&record).unwrap();
        for (name, value) in holder(&record.fence().unwrap()) {
            assert_eq!(held.get(name), Some(&value));
        }
        assert_eq!(held.get(TERM), Some(&number(3)));
    }

    #[test]
    fn keys_go_by_class() {
        assert_eq!(state_key(&StateKey::outbox("7#x")), key("OUTBOX", "OUTBOX#7#x"));
        assert_eq!(state_key(&StateKey::state("é")), key("STATE", "STATE#é"));
    }
}
