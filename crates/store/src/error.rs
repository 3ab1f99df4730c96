//! Why a store could not, by cause. The texts complete "failed to reach the store: …" and go to the log and to a command
//! line, never to a Discord user.

use relais_failover::{LeaseRecord, Refusal, Term, WatchRecord};
use serde::{Deserialize, Serialize};

/// What can go wrong with any call. Only [`StoreError::Timeout`] leaves open whether a write happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum StoreError {
    /// `init` on a store that has a lease item.
    #[error("the store has a lease already: it is initialised once, and a second time would hand out old terms again")]
    AlreadyInitialised,
    /// `init` on a store into which a backup is being put back.
    #[error(
        "a restore was begun here and is not finished: it makes the lease itself at its end; go on with it, or take a \
         new store"
    )]
    RestoreUnfinished,
    /// It could not be asked at all; nothing was written.
    #[error("store {store} cannot be reached: {reason}")]
    Unreachable {
        /// Which store: a file or an address.
        store: String,
        /// What the attempt met.
        reason: String,
    },
    /// Another process holds it longer than a call waits; nothing was written, a later try may succeed.
    #[error("store {store} is busy: another process has held it for more than {waited_ms} ms")]
    Busy {
        /// Which store.
        store: String,
        /// How long the call waited, in milliseconds.
        waited_ms: u64,
    },
    /// Its disk is full or fails; nothing was written.
    #[error("store {store} cannot be written, its disk is full or failing ({reason}): free some space and try again")]
    Full {
        /// Which store.
        store: String,
        /// What the disk answered.
        reason: String,
    },
    /// It holds something that is not a store's content. It is never repaired, deleted or overwritten by this program.
    #[error(
        "store {store} is damaged ({reason}); it was left untouched: stop every process that uses it, copy it with its \
         -wal and -shm files, then restore a backup or run `sqlite3 FILE .recover` on the copy"
    )]
    Corrupt {
        /// Which store.
        store: String,
        /// What was found.
        reason: String,
    },
    /// It was written by a newer version of this program.
    #[error(
        "store {store} has schema {found}, this program knows {known} and older: run the newer program, or restore a \
         backup from before the upgrade"
    )]
    Newer {
        /// Which store or record.
        store: String,
        /// The version found.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// One item or one transaction is larger than any store takes; nothing was written.
    #[error("{what} has {bytes} bytes, a store takes at most {limit}")]
    TooLarge {
        /// What is too large: a key, `the transaction`, …
        what: String,
        /// Its size.
        bytes: usize,
        /// The most allowed.
        limit: usize,
    },
    /// A request no store accepts, whatever its content; nothing was written.
    #[error("the request is not acceptable: {reason}")]
    Invalid {
        /// Why.
        reason: String,
    },
    /// **Ambiguous**: the request was sent and no answer came back in time. A write may have happened, or may yet.
    #[error("the store did not answer in time: a write may or may not have happened")]
    Timeout,
}

impl StoreError {
    /// Whether a write that met this error may have happened nevertheless.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Timeout)
    }
}

/// Why a lease operation was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseError {
    /// Its condition does not hold; with the record that says so.
    #[error("the lease operation was refused")]
    Refused(#[source] Refusal),
    /// There is no lease item: an alarm, never a reason to create one.
    #[error("the store has no lease: it was never initialised, or its lease was lost")]
    Missing,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a fenced commit was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitError {
    /// The writer is not the holder of the lease any more; nothing was written.
    #[error("the write was fenced off: its term is not the lease's any more")]
    Fenced {
        /// The lease as it stands; `None` if there is none.
        current: Option<Box<LeaseRecord>>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the watchdog's memory was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchError {
    /// Another invocation wrote first.
    #[error("another watchdog invocation wrote first")]
    Conflict {
        /// The record as it stands; `None` if there is none.
        current: Option<Box<WatchRecord>>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a backup was not put back. Nothing that was there is ever overwritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum RestoreError {
    /// There is a lease record, whatever it says.
    #[error(
        "the store is in use: it has a lease record (term {term}). A backup is put back into a new store only; nothing \
         was overwritten"
    )]
    InUse {
        /// The term of the lease that is there.
        term: Term,
    },
    /// There is no lease record, but something else that no restore of this backup has written.
    #[error(
        "the store is not empty: it has {what}, and no lease record. A backup is put back into a new store only; \
         nothing was overwritten"
    )]
    NotEmpty {
        /// What was found.
        what: String,
    },
    /// Another backup is half there.
    #[error(
        "the restore of another backup (SHA-256 {digest}) was begun here and is not finished: go on with that one, or \
         take a new store"
    )]
    Another {
        /// Which one.
        digest: String,
    },
    /// It was not begun, or is over.
    #[error("no restore of this backup is under way here")]
    NotBegun,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
