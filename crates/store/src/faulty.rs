//! A test double: any store, with answers that get lost, come late, or never come. For tests and rehearsals of what a
//! network does; it never changes what the store inside does.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::{Board, ControlRecord, EventRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord};

use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::ports::{Archive, Copying, EventLog, LeaseStore, StateStore};
use crate::records::{Committed, Entry, FencedWrite, Restoration, StateItem, StateKey};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call is carried out, its answer is lost: [`StoreError::Timeout`].
    AnswerLost,
    /// The request is lost, nothing is carried out, but the caller cannot know: [`StoreError::Timeout`].
    RequestLost,
    /// Nothing is carried out and the caller knows: [`StoreError::Unreachable`].
    Unavailable,
    /// The call is carried out after this time.
    Slow(Duration),
    /// The call is carried out at once, its answer comes after this time.
    SlowAnswer(Duration),
}

/// The methods of the ports, to say which call a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the method of the same name")]
pub enum Call {
    Init,
    ReadBoard,
    Apply,
    PutHandback,
    ClearHandback,
    PutControl,
    ReplaceControl,
    ReadWatch,
    WriteWatch,
    Commit,
    Read,
    List,
    Recent,
    Copy,
    BeginRestore,
    PutBack,
    FinishRestore,
}

/// A store behind a bad network, whose faults a test scripts call by call.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    cut: AtomicBool,
    script: Mutex<HashMap<Call, VecDeque<Fault>>>,
}

impl<S> Faulty<S> {
    /// Nothing goes wrong until something is scripted.
    pub fn new(inner: S) -> Self {
        Self { inner, cut: AtomicBool::new(false), script: Mutex::new(HashMap::new()) }
    }

    /// The next call of this method that has no fault yet meets `fault`.
    pub fn next(&self, call: Call, fault: Fault) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.entry(call).or_default().push_back(fault);
    }

    /// Every call is [`Fault::Unavailable`] from now on, or no more.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }

    /// The store inside, without faults.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// What the call meets before it is carried out; answers what is left to meet afterwards.
    async fn before(&self, call: Call) -> Result<Option<Fault>, StoreError> {
        let fault = if self.cut.load(Ordering::SeqCst) { Some(Fault::Unavailable) } else { self.scripted(call) };
        match fault {
            None => Ok(None),
            after @ Some(Fault::AnswerLost | Fault::SlowAnswer(_)) => Ok(after),
            Some(Fault::RequestLost) => Err(StoreError::Timeout),
            Some(Fault::Unavailable) => {
                Err(StoreError::Unreachable { store: "faulty".to_owned(), reason: "cut off by the test".to_owned() })
            }
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(None)
            }
        }
    }

    fn scripted(&self, call: Call) -> Option<Fault> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.get_mut(&call).and_then(VecDeque::pop_front)
    }
}

/// Carries a call out between its faults.
macro_rules! through {
    ($self:ident, $call:ident, $work:expr) => {{
        let after = $self.before(Call::$call).await?;
        let answer = $work.await;
        if let Some(Fault::SlowAnswer(time)) = after {
            tokio::time::sleep(time).await;
        }
        if after == Some(Fault::AnswerLost) { Err(StoreError::Timeout.into()) } else { answer }
    }};
}

#[async_trait]
impl<S: LeaseStore> LeaseStore for Faulty<S> {
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError> {
        through!(self, Init, self.inner.init(record))
    }

    async fn read_board(&self) -> Result<Board, StoreError> {
        through!(self, ReadBoard, self.inner.read_board())
    }

    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        through!(self, Apply, self.inner.apply(op))
    }

    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError> {
        through!(self, PutHandback, self.inner.put_handback(record))
    }

    async fn clear_handback(&self, site: Site) -> Result<(), StoreError> {
        through!(self, ClearHandback, self.inner.clear_handback(site))
    }

    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError> {
        through!(self, PutControl, self.inner.put_control(record))
    }

    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError> {
        through!(self, ReplaceControl, self.inner.replace_control(record, expected))
    }

    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError> {
        through!(self, ReadWatch, self.inner.read_watch())
    }

    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError> {
        through!(self, WriteWatch, self.inner.write_watch(record, expected_revision))
    }
}

#[async_trait]
impl<S: StateStore> StateStore for Faulty<S> {
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        through!(self, Commit, self.inner.commit(tx))
    }

    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError> {
        through!(self, Read, self.inner.read(key))
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError> {
        through!(self, List, self.inner.list(prefix, limit))
    }
}

#[async_trait]
impl<S: EventLog> EventLog for Faulty<S> {
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        through!(self, Recent, self.inner.recent(limit))
    }
}

#[async_trait]
impl<S: Archive> Archive for Faulty<S> {
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError> {
        through!(self, Copy, self.inner.copy())
    }

    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError> {
        through!(self, BeginRestore, self.inner.begin_restore(source))
    }

    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError> {
        through!(self, PutBack, self.inner.put_back(source, entries))
    }

    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError> {
        through!(self, FinishRestore, self.inner.finish_restore(source, lease))
    }
}
