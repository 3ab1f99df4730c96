//! The Discord session: how far it was handled, where it is saved, which saved one to resume.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use relais_failover::{Fence, Policy, SavedSession, Term, WallClock};
use relais_host::clock::random_128;
use relais_store::{FencedWrite, OperationId, StateKey, Store, StoreError, Write};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// How far the events of one session were handled.
#[derive(Debug, Default)]
struct Handled {
    last: u64,
    open: BTreeSet<u64>,
}

/// Shared by the gateway and the handlers of one session.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Handled>>);

impl Progress {
    /// From a session whose events up to `last` were handled.
    #[must_use]
    pub fn from(last: u64) -> Self {
        Self(Arc::new(Mutex::new(Handled { last, open: BTreeSet::new() })))
    }

    fn handled(&self) -> MutexGuard<'_, Handled> {
        // Nothing that holds the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event came.
    pub fn heard(&self, sequence: u64) {
        let mut handled = self.handled();
        handled.last = handled.last.max(sequence);
    }

    /// An event is being handled.
    pub fn begin(&self, sequence: u64) {
        self.handled().open.insert(sequence);
    }

    /// It is done with.
    pub fn finish(&self, sequence: u64) {
        self.handled().open.remove(&sequence);
    }

    /// The last event that came: where this very process resumes, since it still handles the open ones.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.handled().last
    }

    /// The last event before which nothing is open: where another process resumes, so that what dies with this one is
    /// replayed. What is replayed although it was done is recognised by its interaction id.
    #[must_use]
    pub fn settled(&self) -> u64 {
        let handled = self.handled();
        handled.open.first().map_or(handled.last, |first| first.saturating_sub(1).min(handled.last))
    }
}

/// The item `STATE#SESSION#0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    session_id: String,
    sequence: u64,
    resume_url: Option<String>,
    term: Term,
    /// The writer's wall clock: decides only whether a RESUME is worth a try.
    saved_wall: WallClock,
}

/// Where the session of shard 0 is saved.
#[must_use]
pub fn key() -> StateKey {
    StateKey::state("SESSION#0")
}

/// The write that saves `session` under `fence`.
pub(super) fn saving(session: &SavedSession, fence: Fence, wall: WallClock) -> FencedWrite {
    let row = Row {
        session_id: session.session_id.clone(),
        sequence: session.sequence,
        resume_url: session.resume_url.clone(),
        term: fence.term,
        saved_wall: wall,
    };
    #[expect(clippy::expect_used, reason = "a struct of texts and numbers always has a JSON form")]
    let value = serde_json::to_value(row).expect("texts and numbers have a JSON form");
    FencedWrite {
        fence,
        operation: OperationId::new(format!("session-{:032x}", random_128())),
        writes: vec![Write::Put { key: key(), value }],
    }
}

/// The session to resume after a takeover: the row is saved more often than the lease's copy, so it wins unless it
/// belongs to an older session. None if it is too old to be worth a try.
pub(super) async fn freshest(
    store: &dyn Store,
    policy: &Policy,
    wall: WallClock,
    of_lease: Option<SavedSession>,
) -> Option<SavedSession> {
    let read = match timeout(policy.request_timeout, store.read(&key())).await {
        Ok(read) => read,
        Err(_) => Err(StoreError::Timeout),
    };
    let row: Option<Row> = match read {
        Ok(item) => item.and_then(|item| serde_json::from_value(item.value).ok()),
        Err(error) => {
            tracing::warn!(%error, "saved session not readable");
            None
        }
    };
    choose(row, of_lease, wall, policy)
}

fn choose(row: Option<Row>, of_lease: Option<SavedSession>, wall: WallClock, policy: &Policy) -> Option<SavedSession> {
    let Some(row) = row else { return of_lease };
    if wall.since(row.saved_wall) > policy.resume_within {
        tracing::info!("saved session too old to resume");
        return None;
    }
    let sequence = match &of_lease {
        Some(lease) if lease.session_id == row.session_id => row.sequence.max(lease.sequence),
        Some(_) | None => row.sequence,
    };
    Some(SavedSession { session_id: row.session_id, sequence, resume_url: row.resume_url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_open_is_replayed_to_the_next_process() {
        let progress = Progress::from(4);
        for sequence in 5..=7 {
            progress.heard(sequence);
            progress.begin(sequence);
        }
        assert_eq!((progress.last(), progress.settled()), (7, 4));
        progress.finish(5);
        progress.finish(7);
        assert_eq!((progress.last(), progress.settled()), (7, 5));
        progress.finish(6);
        assert_eq!((progress.last(), progress.settled()), (7, 7));
    }

    #[test]
    fn the_row_wins_over_the_lease_unless_it_is_too_old() {
        let policy = Policy::embedded();
        let session = |id: &str, sequence| SavedSession { session_id: id.into(), sequence, resume_url: None };
        let row = |id: &str, sequence| {
            Some(Row {
                session_id: id.into(),
                sequence,
                resume_url: None,
                term: Term(1),
                saved_wall: WallClock(1_000_000),
            })
        };
        let soon = WallClock(1_030_000);
        assert_eq!(choose(row("a", 9), Some(session("a", 5)), soon, &policy), Some(session("a", 9)));
        assert_eq!(choose(row("a", 5), Some(session("a", 9)), soon, &policy), Some(session("a", 9)));
        assert_eq!(choose(row("b", 2), Some(session("a", 9)), soon, &policy), Some(session("b", 2)));
        assert_eq!(choose(None, Some(session("a", 9)), soon, &policy), Some(session("a", 9)));
        assert_eq!(choose(row("a", 9), Some(session("a", 9)), WallClock(2_000_000), &policy), None);
    }
}
