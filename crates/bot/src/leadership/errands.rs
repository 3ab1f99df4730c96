//! Requests to the store, each a task with a time-out, each answered by an event.

use std::{sync::Arc, time::Duration};

use relais_failover::{
    Event, EventKind, EventRecord, Fence, HandbackRecord, LeaseOp, Policy, Site, WriteOutcome, damping::flips,
    wire::SCHEMA,
};
use relais_host::clock::Clock;
use relais_store::{FencedWrite, LeaseError, OperationId, Store, StoreError, Write};
use tokio::{task::JoinSet, time::timeout};

/// How much of the history is read for damping: more than a window can hold before the site parks.
const HISTORY: usize = 64;

/// Runs requests and hands back what they brought.
pub(super) struct Errands {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    limit: Duration,
    running: JoinSet<Option<Event>>,
}

impl Errands {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, policy: &Policy) -> Self {
        Self { store, clock, limit: policy.request_timeout, running: JoinSet::new() }
    }

    /// The next event that a request brought; never if nothing is under way.
    pub(super) async fn done(&mut self) -> Option<Event> {
        loop {
            match self.running.join_next().await {
                Some(Ok(Some(event))) => return Some(event),
                Some(Ok(None)) => {}
                Some(Err(error)) => tracing::error!(%error, "store task died"),
                None => std::future::pending::<()>().await,
            }
        }
    }

    pub(super) fn abort(&mut self) {
        self.running.abort_all();
    }

    pub(super) fn read_board(&mut self) {
        let (store, limit, sent) = (self.store.clone(), self.limit, self.clock.now());
        self.running.spawn(async move {
            let board = match timeout(limit, store.read_board()).await {
                Ok(Ok(board)) => Some(board),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "board not readable");
                    None
                }
                Err(_) => {
                    tracing::warn!("board not read in time");
                    None
                }
            };
            Some(Event::BoardRead { sent, board })
        });
    }

    pub(super) fn write_lease(&mut self, op: LeaseOp) {
        let (store, limit, sent) = (self.store.clone(), self.limit, self.clock.now());
        self.running.spawn(async move {
            let outcome = match timeout(limit, store.apply(&op)).await {
                Ok(Ok(record)) => WriteOutcome::Written(record),
                Ok(Err(LeaseError::Refused(refusal))) => WriteOutcome::Refused(Some(*refusal.current)),
                Ok(Err(LeaseError::Missing)) => WriteOutcome::Refused(None),
                Ok(Err(LeaseError::Store(error))) => {
                    tracing::warn!(%error, "lease not written");
                    WriteOutcome::Unknown
                }
                Err(_) => {
                    tracing::warn!("lease write not answered in time");
                    WriteOutcome::Unknown
                }
            };
            Some(Event::WriteDone { op, sent, outcome })
        });
    }

    pub(super) fn put_handback(&mut self, record: HandbackRecord) {
        let (store, limit) = (self.store.clone(), self.limit);
        self.running.spawn(async move {
            complain("hand-back request not written", timeout(limit, store.put_handback(&record)).await);
            None
        });
    }

    pub(super) fn clear_handback(&mut self, site: Site) {
        let (store, limit) = (self.store.clone(), self.limit);
        self.running.spawn(async move {
            complain("hand-back request not cleared", timeout(limit, store.clear_handback(site)).await);
            None
        });
    }

    /// Appends the beginning of a term to the failover history, once a term.
    pub(super) fn write_history(&mut self, fence: Fence, planned: bool) {
        let (store, limit) = (self.store.clone(), self.limit);
        let kind = if planned { EventKind::HandedOver } else { EventKind::TakenOver };
        let record = EventRecord { schema: SCHEMA, kind, site: fence.site, term: fence.term, at: self.clock.wall() };
        let tx = FencedWrite {
            fence,
            operation: OperationId::new(format!("activated-{}", fence.term)),
            writes: vec![Write::AppendEvent(record)],
        };
        self.running.spawn(async move {
            match timeout(limit, store.commit(&tx)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "history not written"),
                Err(_) => tracing::warn!("history not written in time"),
            }
            None
        });
    }

    /// Reads the history and tells the holder how often the bot flipped lately.
    pub(super) fn read_history(&mut self, policy: Policy) {
        let (store, limit, wall) = (self.store.clone(), self.limit, self.clock.wall());
        self.running.spawn(async move {
            let history = timeout(limit, store.recent(HISTORY)).await.ok()?.ok()?;
            Some(Event::Flips(flips(&history, wall, &policy)))
        });
    }
}

fn complain<T>(what: &'static str, outcome: Result<Result<T, StoreError>, tokio::time::error::Elapsed>) {
    match outcome {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, "request failed"),
        Err(_) => tracing::warn!(what, "request not answered in time"),
    }
}
