//! Another process's store over plain HTTP ([`crate::served`]): for rehearsals on one machine.
//!
//! One request a call, one total timeout, no retries. What was sent and not answered is [`StoreError::Timeout`]; only a
//! connection that never came to be is [`StoreError::Unreachable`].

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::{Board, ControlRecord, EventRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord};
use relais_host::http::{Client, HttpError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::archive::Whole;
use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::limits;
use crate::ports::{Archive, Copying, EventLog, LeaseStore, StateStore};
use crate::records::{Committed, Entry, FencedWrite, Restoration, StateItem, StateKey};
use crate::served::{FinishRestore, List, PutBack, WriteWatch};

/// Most bytes of one answer: a list of large items.
const MAX_ANSWER: usize = 64 << 20;

/// A client; it connects when it is first called.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client,
    base: String,
}

impl Remote {
    /// `request_timeout`: from the call to the last byte of its answer.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for an address that is not a loopback one: there is neither encryption nor a password.
    pub fn new(address: SocketAddr, request_timeout: Duration) -> Result<Self, StoreError> {
        if !address.ip().is_loopback() {
            return Err(StoreError::Invalid {
                reason: format!("{address} is not a loopback address; a store over plain HTTP is for one machine only"),
            });
        }
        Ok(Self { client: Client::new(request_timeout, MAX_ANSWER), base: format!("http://{address}") })
    }

    async fn call<T, E>(&self, method: &'static str, argument: &(impl Serialize + Sync)) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: DeserializeOwned + From<StoreError>,
    {
        let url = format!("{}/v1/{method}", self.base);
        let answer = self.client.post_json(&url, argument).await.map_err(|error| self.lost(method, &error))?;
        match serde_json::from_slice::<Result<T, E>>(&answer.body) {
            Ok(answer) => answer,
            Err(_) if answer.status.is_client_error() => Err(self
                .unreachable(format!("it answered {} to {method}: it is no store of this version", answer.status))
                .into()),
            // It took the request and what it did is not known.
            Err(error) => {
                tracing::warn!(store = self.base, method, status = %answer.status, %error, "store answer not understood");
                Err(StoreError::Timeout.into())
            }
        }
    }

    fn lost(&self, method: &'static str, error: &HttpError) -> StoreError {
        match error {
            HttpError::BadUrl(_) => self.unreachable(error.to_string()),
            HttpError::Connect(_, source) => self.unreachable(root(source)),
            HttpError::Timeout(_) | HttpError::Broken(_) | HttpError::TooLarge(_) => {
                tracing::debug!(store = self.base, method, %error, "store answer lost");
                StoreError::Timeout
            }
        }
    }

    fn unreachable(&self, reason: String) -> StoreError {
        StoreError::Unreachable { store: self.base.clone(), reason }
    }
}

/// The innermost cause, which is the operating system's own word.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[async_trait]
impl LeaseStore for Remote {
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError> {
        self.call("init", record).await
    }

    async fn read_board(&self) -> Result<Board, StoreError> {
        self.call("read_board", &()).await
    }

    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        self.call("apply", op).await
    }

    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError> {
        self.call("put_handback", record).await
    }

    async fn clear_handback(&self, site: Site) -> Result<(), StoreError> {
        self.call("clear_handback", &site).await
    }

    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError> {
        self.call("put_control", record).await
    }

    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError> {
        self.call("replace_control", &(record, expected)).await
    }

    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError> {
        self.call("read_watch", &()).await
    }

    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError> {
        self.call("write_watch", &WriteWatch { record, expected_revision }).await
    }
}

#[async_trait]
impl StateStore for Remote {
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        limits::check(tx)?;
        self.call("commit", tx).await
    }

    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError> {
        self.call("read", key).await
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError> {
        self.call("list", &List { prefix: prefix.to_owned(), limit }).await
    }
}

#[async_trait]
impl EventLog for Remote {
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        self.call("recent", &limit).await
    }
}

#[async_trait]
impl Archive for Remote {
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError> {
        let (board, entries): (Board, Vec<Entry>) = self.call("copy", &()).await?;
        Ok(Box::new(Whole::new(board, entries)))
    }

    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError> {
        self.call("begin_restore", source).await
    }

    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError> {
        self.call("put_back", &PutBack { source, entries }).await
    }

    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError> {
        self.call("finish_restore", &FinishRestore { source, lease }).await
    }
}
