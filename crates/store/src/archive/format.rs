//! The lines of the file.

use std::fmt;

use relais_failover::{Site, Term, WallClock};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::records::Entry;

/// The form of the file that this code writes. A reader refuses a higher one.
pub const SCHEMA: u32 = 1;

/// What the header's first key says, so that another JSON file is told from a backup.
pub(super) const KIND: &str = "relais";

/// Most bytes of one line. An item has at most [`MAX_ITEM_BYTES`](crate::limits::MAX_ITEM_BYTES).
pub(super) const MAX_LINE: usize = 2 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `relais`.
    pub(super) backup: String,
    /// [`SCHEMA`].
    pub schema: u32,
    /// When the copy began, by the taker's wall clock: for people.
    pub taken: WallClock,
    /// Who held the lease; none if nobody did.
    pub site: Option<Site>,
    /// The lease's term; of a store that has lost its lease, the last one of its history.
    pub term: Term,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many lines stand before it, the header included.
    pub lines: u64,
    /// How many entries of each kind.
    #[serde(flatten)]
    pub counts: Counts,
    /// SHA-256 of all bytes before it, in hexadecimal.
    pub sha256: String,
}

/// How many entries of each kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Items `STATE#…`.
    pub state: u64,
    /// Items `OUTBOX#…`: messages that wait.
    pub outbox: u64,
    /// Events of the failover history.
    pub events: u64,
    /// 1 if an operator's override was there, also one whose time was over.
    pub overrides: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.state + self.outbox + self.events + self.overrides
    }

    pub(super) fn count(&mut self, entry: &Entry) {
        *match entry {
            Entry::Control(_) => &mut self.overrides,
            Entry::Event { .. } => &mut self.events,
            Entry::State(item) if item.key.as_str().starts_with("OUTBOX#") => &mut self.outbox,
            Entry::State(_) => &mut self.state,
        } += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, outbox, events, .. } = self;
        write!(f, "{state} items, {outbox} messages that wait, {events} events")
    }
}

/// A line that is not the header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    End {
        /// Tells it from an entry.
        end: End,
    },
    Entry(Entry),
}

/// The SHA-256 of what was added, in hexadecimal.
pub(super) fn hex(hash: Sha256) -> String {
    use fmt::Write as _;
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
