//! What is written to a store and read from it, beside the records of the protocol itself.

use std::fmt;
use std::str::FromStr;

use relais_failover::wire::Record;
use relais_failover::{ControlRecord, EventRecord, Fence, WallClock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of a state item: `STATE#…` for bot data, `OUTBOX#…` for messages to deliver.
///
/// The prefix keeps bot data from ever naming the lease. A key of more than [`crate::limits::MAX_KEY_BYTES`] is refused
/// when it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StateKey(String);

impl StateKey {
    /// `STATE#name`.
    #[must_use]
    pub fn state(name: impl fmt::Display) -> Self {
        Self(format!("STATE#{name}"))
    }

    /// `OUTBOX#name`.
    #[must_use]
    pub fn outbox(name: impl fmt::Display) -> Self {
        Self(format!("OUTBOX#{name}"))
    }

    /// The whole key with its prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StateKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for StateKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        if text.starts_with("STATE#") || text.starts_with("OUTBOX#") { Ok(Self(text)) } else { Err(KeyError { text }) }
    }
}

impl From<StateKey> for String {
    fn from(key: StateKey) -> Self {
        key.0
    }
}

/// A text that is no [`StateKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("state key {text:?} starts with neither STATE# nor OUTBOX#")]
pub struct KeyError {
    /// The text that was refused.
    pub text: String,
}

/// The idempotency key of one operation, for example the id of the interaction that asked for it. An operation is
/// applied once per id, in the store's whole life.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(String);

impl OperationId {
    /// An id; empty ones and those of more than [`crate::limits::MAX_KEY_BYTES`] are refused when they are used.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One transaction: all its writes or none, only while `fence` is the holder's, only once per `operation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FencedWrite {
    /// Who writes, under which term.
    pub fence: Fence,
    /// The idempotency key.
    pub operation: OperationId,
    /// What to write, at most [`crate::limits::MAX_WRITES`], no key twice, one override. None at all is a pure test of the fence.
    pub writes: Vec<Write>,
}

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Creates or replaces an item; its revision becomes one more than it was (1 for a new one).
    Put {
        /// Which item.
        key: StateKey,
        /// Its new value, whole.
        value: Value,
    },
    /// Removes an item; an absent one is fine. A later put starts again at revision 1.
    Delete {
        /// Which item.
        key: StateKey,
    },
    /// Adds one event to the end of the history.
    AppendEvent(EventRecord),
    /// Sets the operator's override, in place of an earlier one: an operator asked the bot for it. Under the fence, so that
    /// a replayed request of an earlier term cannot undo a later one.
    Control(ControlRecord),
}

/// How a commit ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Committed {
    /// The writes are durable, and this call wrote them.
    Applied,
    /// An earlier call with this operation id wrote them; this one changed nothing.
    Repeated,
}

/// One item of bot data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateItem {
    /// Its name.
    pub key: StateKey,
    /// Its value.
    pub value: Value,
    /// How many puts made it, from 1.
    pub revision: u64,
}

/// One thing that a backup has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The operator's override at the copy's beginning.
    Control(ControlRecord),
    /// An event of the failover history.
    Event {
        /// Its place, the oldest being 1.
        number: u64,
        /// What happened.
        record: EventRecord,
    },
    /// An item of bot data.
    State(StateItem),
}

/// The item `RESTORE`: a backup is being put back. It goes when the lease record comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoration {
    /// Form of the record.
    pub schema: u32,
    /// Which backup: the SHA-256 that its last line has, in hexadecimal.
    pub digest: String,
    /// When it was begun, by the wall clock: a hint for people.
    pub wall_hint: WallClock,
}

impl Record for Restoration {
    const NAME: &'static str = "RESTORE";
}
