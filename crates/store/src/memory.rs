//! A store in this process's memory: for tests and rehearsals. It forgets everything with the process.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use relais_failover::{
    Board, ControlRecord, EventRecord, Fence, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord,
};

use crate::error::{CommitError, LeaseError, StoreError, WatchError};
use crate::limits;
use crate::ports::{EventLog, LeaseStore, StateStore};
use crate::records::{Committed, FencedWrite, OperationId, StateItem, StateKey, Write};

/// One store; share it in an [`Arc`](std::sync::Arc). The lock is never held across an await.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    board: Board,
    watch: Option<WatchRecord>,
    items: BTreeMap<StateKey, StateItem>,
    operations: HashSet<OperationId>,
    events: Vec<EventRecord>,
}

impl Memory {
    /// An empty store, not initialised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic between two changes of one transaction, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LeaseStore for Memory {
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError> {
        let lease = &mut self.state().board.lease;
        if lease.is_some() {
            return Err(StoreError::AlreadyInitialised);
        }
        *lease = Some(record.clone());
        Ok(())
    }

    async fn read_board(&self) -> Result<Board, StoreError> {
        Ok(self.state().board.clone())
    }

    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        let mut state = self.state();
        let current = state.board.lease.as_ref().ok_or(LeaseError::Missing)?;
        let next = op.apply(current).map_err(LeaseError::Refused)?;
        state.board.lease = Some(next.clone());
        Ok(next)
    }

    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError> {
        self.state().board.handback = Some(record.clone());
        Ok(())
    }

    async fn clear_handback(&self, site: Site) -> Result<(), StoreError> {
        self.state().board.handback.take_if(|record| record.site == site);
        Ok(())
    }

    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError> {
        self.state().board.control = Some(record.clone());
        Ok(())
    }

    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError> {
        let control = &mut self.state().board.control;
        let stands = control.as_ref() == expected;
        if stands {
            *control = Some(record.clone());
        }
        Ok(stands)
    }

    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError> {
        Ok(self.state().watch.clone())
    }

    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError> {
        let watch = &mut self.state().watch;
        if watch.as_ref().map(|record| record.revision) != expected_revision {
            return Err(WatchError::Conflict { current: watch.clone().map(Box::new) });
        }
        *watch = Some(record.clone());
        Ok(())
    }
}

#[async_trait]
impl StateStore for Memory {
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        limits::check(tx)?;
        let mut state = self.state();
        if state.operations.contains(&tx.operation) {
            return Ok(Committed::Repeated);
        }
        admitted(&tx.fence, state.board.lease.as_ref())?;
        for write in &tx.writes {
            state.write(write);
        }
        state.operations.insert(tx.operation.clone());
        Ok(Committed::Applied)
    }

    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError> {
        Ok(self.state().items.get(key).cloned())
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError> {
        let state = self.state();
        let matching = state.items.values().filter(|item| item.key.as_str().starts_with(prefix));
        Ok(matching.take(limit).cloned().collect())
    }
}

#[async_trait]
impl EventLog for Memory {
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        Ok(self.state().events.iter().rev().take(limit).cloned().collect())
    }
}

impl State {
    fn write(&mut self, write: &Write) {
        match write {
            Write::Put { key, value } => {
                let revision = self.items.get(key).map_or(0, |item| item.revision) + 1;
                let item = StateItem { key: key.clone(), value: value.clone(), revision };
                self.items.insert(key.clone(), item);
            }
            Write::Delete { key } => {
                self.items.remove(key);
            }
            Write::AppendEvent(event) => self.events.push(event.clone()),
            Write::Control(record) => self.board.control = Some(record.clone()),
        }
    }
}

/// The condition of every fenced write, the same for all stores.
pub(crate) fn admitted(fence: &Fence, lease: Option<&LeaseRecord>) -> Result<(), CommitError> {
    match lease {
        Some(record) if fence.admits(record) => Ok(()),
        Some(_) | None => Err(CommitError::Fenced { current: lease.cloned().map(Box::new) }),
    }
}
