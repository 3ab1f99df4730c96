//! How large a write may be. DynamoDB's limits, refused in the same words by every implementation, so that nothing that
//! works on a laptop's file fails in the cloud.

use std::collections::HashSet;

use relais_failover::ControlRecord;
use relais_failover::wire::Record as _;
use serde_json::Value;

use crate::error::StoreError;
use crate::records::{FencedWrite, Write};

/// Most bytes of one item: its key and its value as JSON text. DynamoDB allows 409,600 with the names of attributes.
pub const MAX_ITEM_BYTES: usize = 400_000;

/// Most bytes of a key or of an operation id. DynamoDB allows 2,048 for a partition key.
pub const MAX_KEY_BYTES: usize = 1_024;

/// Most writes of one transaction. DynamoDB allows 100 items; the condition on the lease and the marker of the
/// operation are two of them.
pub const MAX_WRITES: usize = 98;

/// Most bytes of one transaction, keys and values together. DynamoDB allows 4 MB.
pub const MAX_TRANSACTION_BYTES: usize = 4_000_000;

/// Refuses what no store accepts: too large, too many, no operation id, or one key written twice.
///
/// # Errors
/// [`StoreError::TooLarge`] or [`StoreError::Invalid`]; nothing was written.
pub fn check(tx: &FencedWrite) -> Result<(), StoreError> {
    let operation = tx.operation.as_str();
    if operation.is_empty() {
        return Err(StoreError::Invalid { reason: "the operation id is empty".to_owned() });
    }
    bounded("the operation id", operation.len(), MAX_KEY_BYTES)?;
    if tx.writes.len() > MAX_WRITES {
        return Err(StoreError::Invalid {
            reason: format!("{} writes in one transaction, at most {MAX_WRITES}", tx.writes.len()),
        });
    }
    let mut seen = HashSet::new();
    let mut total = 0;
    for write in &tx.writes {
        // An event has no key of its own: each is a new item.
        let (key, size) = match write {
            Write::Put { key, value } => (Some(key.as_str()), text_bytes(value)?),
            Write::Delete { key } => (Some(key.as_str()), 0),
            Write::AppendEvent(event) => (None, text_bytes(event)?),
            Write::Control(record) => (Some(ControlRecord::NAME), text_bytes(record)?),
        };
        let mut item = size;
        if let Some(key) = key {
            bounded("a key", key.len(), MAX_KEY_BYTES)?;
            if !seen.insert(key) {
                return Err(StoreError::Invalid { reason: format!("{key} is written twice in one transaction") });
            }
            item += key.len();
        }
        bounded(key.unwrap_or("an event"), item, MAX_ITEM_BYTES)?;
        total += item;
    }
    bounded("the transaction", total, MAX_TRANSACTION_BYTES)
}

/// The JSON text of a value as every store counts and writes it.
pub(crate) fn text(value: &Value) -> String {
    value.to_string()
}

fn text_bytes<T: serde::Serialize>(value: &T) -> Result<usize, StoreError> {
    serde_json::to_vec(value)
        .map(|text| text.len())
        .map_err(|error| StoreError::Invalid { reason: format!("a value has no JSON form: {error}") })
}

fn bounded(what: &str, bytes: usize, limit: usize) -> Result<(), StoreError> {
    if bytes > limit {
        return Err(StoreError::TooLarge { what: what.to_owned(), bytes, limit });
    }
    Ok(())
}
