//! What SQLite's errors mean for a caller.

use std::path::{Path, PathBuf};
use std::time::Duration;

use relais_failover::wire::{self, WireError};
use rusqlite::{Error, ErrorCode, ffi};

use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};

/// The file, as errors name it.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    waited: Duration,
}

impl File {
    pub(super) fn new(path: &Path, waited: Duration) -> Self {
        Self { path: path.to_owned(), waited }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn unreachable(&self, reason: impl ToString) -> StoreError {
        StoreError::Unreachable { store: self.name(), reason: reason.to_string() }
    }

    pub(super) fn corrupt(&self, reason: impl ToString) -> StoreError {
        StoreError::Corrupt { store: self.name(), reason: reason.to_string() }
    }

    pub(super) fn newer(&self, found: u32, known: u32) -> StoreError {
        StoreError::Newer { store: self.name(), found, known }
    }

    /// By cause. What is not a condition of the disk or of other processes can only be the content: this program's own
    /// statements are fixed and tested.
    pub(super) fn error(&self, error: &Error) -> StoreError {
        let Error::SqliteFailure(failure, _) = error else { return self.corrupt(error) };
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy {
                store: self.name(),
                waited_ms: u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX),
            },
            // The commit record may have reached the disk although its flush failed: nobody can know.
            ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_FSYNC => StoreError::Timeout,
            ErrorCode::DiskFull | ErrorCode::SystemIoFailure => {
                StoreError::Full { store: self.name(), reason: error.to_string() }
            }
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => self.unreachable(error),
            _ => self.corrupt(error),
        }
    }

    fn record(&self, error: WireError) -> StoreError {
        match error {
            WireError::Newer { record, found } => {
                StoreError::Newer { store: format!("{} ({record})", self.name()), found, known: wire::SCHEMA }
            }
            WireError::Malformed { .. } => self.corrupt(error),
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// The same error, for another caller.
pub(super) fn again(error: &Error) -> Error {
    match error {
        Error::SqliteFailure(failure, words) => Error::SqliteFailure(*failure, words.clone()),
        other => Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(other.to_string())),
    }
}

/// What can end a query: SQLite, a record that does not decode, or the port's own answer.
#[derive(Debug)]
pub(super) enum Fault<E> {
    Sqlite(Error),
    Record(WireError),
    Answer(E),
}

impl<E> From<Error> for Fault<E> {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl<E> From<WireError> for Fault<E> {
    fn from(error: WireError) -> Self {
        Self::Record(error)
    }
}

macro_rules! answers {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault<$error> {
            fn from(error: $error) -> Self {
                Self::Answer(error)
            }
        }
    )*};
}

answers!(StoreError, LeaseError, CommitError, WatchError, RestoreError);

impl<E: From<StoreError>> Fault<E> {
    pub(super) fn of(self, file: &File) -> E {
        match self {
            Self::Sqlite(error) => file.error(&error).into(),
            Self::Record(error) => file.record(error).into(),
            Self::Answer(error) => error,
        }
    }
}
