//! A store in this process's memory: for tests and rehearsals. It forgets everything with the process.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use relais_failover::{
    Board, ControlRecord, EventRecord, Fence, HandbackRecord, LeaseOp, LeaseRecord, Site, WatchRecord,
};

use crate::archive::Whole;
use crate::error::{CommitError, LeaseError, RestoreError, StoreError, WatchError};
use crate::limits;
use crate::ports::{Archive, Copying, EventLog, LeaseStore, StateStore};
use crate::records::{Committed, Entry, FencedWrite, OperationId, Restoration, StateItem, StateKey, Write};

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
    restoring: Option<Restoration>,
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
        let mut state = self.state();
        if state.board.lease.is_some() {
            return Err(StoreError::AlreadyInitialised);
        }
        if state.restoring.is_some() {
            return Err(StoreError::RestoreUnfinished);
        }
        state.board.lease = Some(record.clone());
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

#[async_trait]
impl Archive for Memory {
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError> {
        let state = self.state();
        let control = state.board.control.clone().map(Entry::Control);
        let events =
            (1_u64..).zip(&state.events).map(|(number, record)| Entry::Event { number, record: record.clone() });
        let items = state.items.values().cloned().map(Entry::State);
        Ok(Box::new(Whole::new(state.board.clone(), control.into_iter().chain(events).chain(items).collect())))
    }

    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError> {
        let mut state = self.state();
        match state.under_way(source) {
            Err(RestoreError::NotBegun) if !state.is_empty() => {
                Err(RestoreError::NotEmpty { what: "bot data".to_owned() })
            }
            Err(RestoreError::NotBegun) => {
                state.restoring = Some(source.clone());
                Ok(())
            }
            done => done,
        }
    }

    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError> {
        let mut state = self.state();
        state.under_way(source)?;
        for entry in entries {
            match entry {
                Entry::Control(record) => state.board.control = Some(record.clone()),
                Entry::Event { number, record } => {
                    let place =
                        usize::try_from(*number).unwrap_or(usize::MAX).saturating_sub(1).min(state.events.len());
                    state.events.truncate(place);
                    state.events.push(record.clone());
                }
                Entry::State(item) => {
                    state.items.insert(item.key.clone(), item.clone());
                }
            }
        }
        Ok(())
    }

    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError> {
        let mut state = self.state();
        if state.board.lease.as_ref().is_some_and(|there| there.version == lease.version) {
            return Ok(());
        }
        state.under_way(source)?;
        state.board.lease = Some(lease.clone());
        state.restoring = None;
        Ok(())
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.events.is_empty() && self.operations.is_empty()
    }

    fn under_way(&self, source: &Restoration) -> Result<(), RestoreError> {
        under_way(self.board.lease.as_ref(), self.restoring.as_ref(), source)
    }

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

/// The condition of everything that a restore writes, the same for all stores.
pub(crate) fn under_way(
    lease: Option<&LeaseRecord>,
    restoring: Option<&Restoration>,
    source: &Restoration,
) -> Result<(), RestoreError> {
    match (lease, restoring) {
        (Some(lease), _) => Err(RestoreError::InUse { term: lease.term }),
        (None, None) => Err(RestoreError::NotBegun),
        (None, Some(other)) if other.digest != source.digest => {
            Err(RestoreError::Another { digest: other.digest.clone() })
        }
        (None, Some(_)) => Ok(()),
    }
}
