//! A store in one SQLite file: for one site, or for two processes of one machine. Durable at every acknowledgement
//! (write-ahead log, `synchronous=FULL`), several processes may open the same file.
//!
//! Two threads hold one connection each, one writes and one reads, so that no call blocks the async runtime and no read
//! waits for a write. A call that was handed to its thread is carried out even if its caller goes away, like a request
//! that was sent. A copy of everything ([`Archive::copy`]) has a third thread and connection, as long as it lasts.

mod connection;
mod copying;
mod fault;
mod group;
mod queries;
mod schema;
mod worker;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::{Board, ControlRecord, EventRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord};
use rusqlite::TransactionBehavior;

use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::limits;
use crate::ports::{Archive, Copying, EventLog, LeaseStore, StateStore};
use crate::records::{Committed, Entry, FencedWrite, Restoration, StateItem, StateKey};

pub use schema::SCHEMA;
use worker::{Manner, Worker};

/// Each read sees one state of the file.
const READER: Manner = Manner { name: "relais-store-reader", behavior: TransactionBehavior::Deferred, most: 1 };
/// Each write takes the lock before it looks, so that its condition and its effect are one step. Those that waited for a
/// flush share the next.
const WRITER: Manner = Manner { name: "relais-store-writer", behavior: TransactionBehavior::Immediate, most: 64 };

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// The longest that one call waits for another process that writes. Then it is [`StoreError::Busy`].
    pub busy_timeout: Duration,
    /// The most pages (of 4,096 bytes) the file may have: rehearses a full disk. `None` in earnest.
    pub page_limit: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(1), page_limit: None }
    }
}

/// An open file. Dropping it lets the threads finish what they were handed and close the file.
#[derive(Debug)]
pub struct Sqlite {
    writer: Worker,
    reader: Worker,
    file: fault::File,
    options: SqliteOptions,
}

impl Sqlite {
    /// Opens the file, checks it, and brings its schema up to [`SCHEMA`]; creates it if it is absent, not its folder.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] (no folder, not a file, not writable), [`StoreError::Corrupt`] (the file stays as it
    /// is), [`StoreError::Newer`], [`StoreError::Busy`], [`StoreError::Full`], each naming the file.
    pub fn open(path: &Path, busy_timeout: Duration) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions { busy_timeout, ..SqliteOptions::default() })
    }

    /// The same with every option.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = fault::File::new(path, options.busy_timeout);
        let writer = connection::open(&file, options)?;
        let reader = connection::beside(&file, options)?;
        let (reader, reading) = Worker::spawn(READER, reader, &file, || ())?;
        // The writer closes last, alone, so that the log is moved into the file: of two that close at once each takes
        // the other for a user who still needs it.
        let (writer, _) = Worker::spawn(WRITER, writer, &file, move || {
            let _ended = reading.join();
        })?;
        Ok(Self { writer, reader, file, options })
    }
}

#[async_trait]
impl LeaseStore for Sqlite {
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError> {
        let record = record.clone();
        self.writer.call(move |tx| queries::init(tx, &record)).await
    }

    async fn read_board(&self) -> Result<Board, StoreError> {
        self.reader.call(queries::board).await
    }

    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        let op = op.clone();
        self.writer.call(move |tx| queries::apply(tx, &op)).await
    }

    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError> {
        let record = record.clone();
        self.writer.call(move |tx| queries::put(tx, &record)).await
    }

    async fn clear_handback(&self, site: Site) -> Result<(), StoreError> {
        self.writer.call(move |tx| queries::clear_handback(tx, site)).await
    }

    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError> {
        let record = record.clone();
        self.writer.call(move |tx| queries::put(tx, &record)).await
    }

    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError> {
        let (record, expected) = (record.clone(), expected.cloned());
        self.writer.call(move |tx| queries::replace_control(tx, &record, expected.as_ref())).await
    }

    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError> {
        self.reader.call(queries::record).await
    }

    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError> {
        let record = record.clone();
        self.writer.call(move |tx| queries::write_watch(tx, &record, expected_revision)).await
    }
}

#[async_trait]
impl StateStore for Sqlite {
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        limits::check(tx)?;
        let write = tx.clone();
        self.writer.call(move |tx| queries::commit(tx, &write)).await
    }

    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError> {
        let key = key.clone();
        self.reader.call(move |tx| queries::item(tx, &key)).await
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError> {
        let prefix = prefix.to_owned();
        self.reader.call(move |tx| queries::items(tx, &prefix, limit)).await
    }
}

#[async_trait]
impl EventLog for Sqlite {
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        self.reader.call(move |tx| queries::events(tx, limit)).await
    }
}

#[async_trait]
impl Archive for Sqlite {
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError> {
        Ok(Box::new(copying::begin(&self.file, self.options).await?))
    }

    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError> {
        let source = source.clone();
        self.writer.call(move |tx| queries::begin_restore(tx, &source)).await
    }

    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError> {
        let (source, entries) = (source.clone(), entries.to_vec());
        self.writer.call(move |tx| queries::put_back(tx, &source, &entries)).await
    }

    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError> {
        let (source, lease) = (source.clone(), lease.clone());
        self.writer.call(move |tx| queries::finish_restore(tx, &source, &lease)).await
    }
}
