//! What a store must do. Every implementation passes the one contract suite in `tests/it/contract`.
//!
//! Three promises hold for every method:
//! - a condition and its effect are one step; nobody sees or writes between them;
//! - reads are consistent: they show every write that was acknowledged before the read was sent;
//! - [`StoreError::Timeout`] is the only ambiguous answer: the write may have happened, or may happen yet. Every other
//!   error means that nothing was written.

use async_trait::async_trait;
use relais_failover::{Board, ControlRecord, EventRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord};

use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::records::{Committed, Entry, FencedWrite, Restoration, StateItem, StateKey};

/// The lease and the small records around it (`docs/protocol.md`, records).
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Writes the first lease record, usually [`LeaseRecord::initial`]. Done once in a store's life, by the operator.
    ///
    /// # Errors
    /// [`StoreError::AlreadyInitialised`] if a lease item exists, whatever it says; it is left as it is.
    /// [`StoreError::RestoreUnfinished`] if a backup is half put back.
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError>;

    /// Reads the lease, the hand-back request and the operator's override in one consistent read.
    ///
    /// A store that was never initialised, or lost its lease item, answers a board without a lease: that is a finding
    /// (an alarm), not an error.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet; [`StoreError::Timeout`] is harmless here.
    async fn read_board(&self) -> Result<Board, StoreError>;

    /// Applies `op` to the lease under its own condition, and answers the record as it now stands.
    ///
    /// # Errors
    /// [`LeaseError::Refused`] carries the record that refused it (`ALL_OLD`): if its version is [`LeaseOp::version`],
    /// an earlier try of the same operation was written. [`LeaseError::Missing`] if there is no lease item: never a
    /// reason to make one. [`LeaseError::Store`] otherwise.
    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError>;

    /// Writes the preferred site's request to come home; replaces an earlier one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError>;

    /// Removes the hand-back request if it is `site`'s; another site's request stays, and none is fine.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn clear_handback(&self, site: Site) -> Result<(), StoreError>;

    /// Writes the operator's override; replaces an earlier one. For who holds no lease: the bot writes
    /// [`Write::Control`](crate::Write::Control).
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError>;

    /// Writes the override if the stored one is `expected` (`None`: if there is none), and answers whether it did. For a
    /// program with a wish of its own, which must not overwrite what a person asked for in the meantime.
    ///
    /// # Errors
    /// Any [`StoreError`].
    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError>;

    /// Reads the watchdog's memory; `None` before its first tick.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet.
    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError>;

    /// Writes the watchdog's memory if the stored revision is `expected_revision` (`None`: if there is no record).
    /// `record.revision` is stored as given; the writer raises it.
    ///
    /// # Errors
    /// [`WatchError::Conflict`] with the stored record if another invocation wrote first; [`WatchError::Store`]
    /// otherwise.
    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError>;
}

/// The bot's data: written only under a live term, each operation at most once.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Applies all writes of `tx` or none, if its operation was not applied before and its fence admits the lease.
    ///
    /// The operation id is looked at first: an operation that was applied answers [`Committed::Repeated`] even after
    /// the term has passed, because that is the truth the caller of a lost answer needs. It then writes nothing.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] with the current lease if the fence is not the holder's any more (nothing was written,
    /// nor will be); [`CommitError::Store`] otherwise, with [`StoreError::TooLarge`] and [`StoreError::Invalid`] for
    /// what [`crate::limits`] refuses.
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError>;

    /// Reads one item.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet.
    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError>;

    /// Reads at most `limit` items whose whole key (`STATE#note#7`) starts with `prefix`, by ascending key bytes.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet.
    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError>;
}

/// The failover history. It is written by [`Write::AppendEvent`](crate::Write::AppendEvent).
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Reads the last `limit` events, the newest first.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet.
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError>;
}

/// Taking everything out of a store, and putting it back into an empty one ([`crate::archive`]).
///
/// Only a restore that ended has a lease record, so a half of one is never taken for a store: nobody acquires a lease that
/// is missing, and [`LeaseStore::init`] refuses it.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Begins to copy everything that a restore needs. Every write that was acknowledged before this was called is in the
    /// copy, unless a later one replaced or removed what it wrote. Writers are not held up.
    ///
    /// Memory and SQLite copy one moment: no transaction is there by half. DynamoDB has no such view: each item is as it
    /// stood at some moment of the copying, so of a transaction that was written meanwhile a part may be missing.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet.
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError>;

    /// Says that `source` is being put back. The same again is fine: what was interrupted goes on.
    ///
    /// # Errors
    /// [`RestoreError::InUse`], [`RestoreError::NotEmpty`] or [`RestoreError::Another`] if something is there already;
    /// nothing was written.
    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError>;

    /// Writes `entries` as they are, revisions and numbers included. The same again is fine.
    ///
    /// # Errors
    /// [`RestoreError::InUse`] or [`RestoreError::NotBegun`] if the restore is not under way any more;
    /// [`RestoreError::Store`] otherwise, after which some of them may be there.
    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError>;

    /// Writes the lease record: from here on it is a store. The same again is fine, as long as nobody has used it.
    ///
    /// # Errors
    /// As [`Archive::put_back`].
    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError>;
}

/// A copy under way. Dropping it ends it.
#[async_trait]
pub trait Copying: Send {
    /// Lease, hand-back and override at its beginning.
    fn board(&self) -> &Board;

    /// The next few entries: the override, the history by age, then the items by ascending key bytes. Empty at the end.
    ///
    /// # Errors
    /// Any [`StoreError`] that a read can meet; the copy is worth nothing then.
    async fn next(&mut self) -> Result<Vec<Entry>, StoreError>;
}

/// All ports, as [`open`](crate::open) gives them.
pub trait Store: LeaseStore + StateStore + EventLog + Archive {}

impl<S: LeaseStore + StateStore + EventLog + Archive + ?Sized> Store for S {}
