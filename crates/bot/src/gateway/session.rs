//! The Discord session of each shard: how far it was handled, where it is saved, which saved one to resume.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use relais_failover::{Fence, Policy, SavedSession, Term, WallClock};
use relais_host::clock::random_128;
use relais_store::{FencedWrite, OperationId, StateItem, StateKey, Store, StoreError, Write};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::saver::Sessions;

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

/// The item `STATE#SESSION#<shard>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    session: SavedSession,
    term: Term,
    /// The writer's wall clock: decides only whether a RESUME is worth a try.
    saved_wall: WallClock,
}

/// Most sessions that one transaction saves.
pub(super) const PER_WRITE: usize = 50;

/// Most shards that are looked for: ten times what the largest bots have.
const MOST_SHARDS: usize = 10_000;

/// What the keys of saved sessions begin with.
const ROWS: &str = "STATE#SESSION#";

/// Where the session of a shard is saved.
#[must_use]
pub fn key(shard: u32) -> StateKey {
    StateKey::state(format_args!("SESSION#{shard}"))
}

/// Whether a session is saved there.
#[must_use]
pub fn is_one(key: &StateKey) -> bool {
    key.as_str().starts_with(ROWS)
}

/// The write that saves these sessions under `fence`.
pub(super) fn saving(sessions: &[(&u32, &SavedSession)], fence: Fence, wall: WallClock) -> FencedWrite {
    let put = |(shard, session): &(&u32, &SavedSession)| {
        let row = Row { session: (*session).clone(), term: fence.term, saved_wall: wall };
        #[expect(clippy::expect_used, reason = "a struct of texts and numbers always has a JSON form")]
        let value = serde_json::to_value(row).expect("texts and numbers have a JSON form");
        Write::Put { key: key(**shard), value }
    };
    FencedWrite {
        fence,
        operation: OperationId::new(format!("session-{:032x}", random_128())),
        writes: sessions.iter().map(put).collect(),
    }
}

/// The sessions that a term begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Among how many shards they are good.
    pub(super) shards: NonZeroU32,
    /// By shard; one that is not here begins with IDENTIFY.
    pub(super) sessions: Sessions,
}

impl Found {
    /// What the lease carries.
    fn of_lease(session: SavedSession) -> Self {
        Self { shards: session.shards, sessions: Sessions::from([(0, session)]) }
    }
}

/// The sessions to resume. After a hand-over the lease has the only shard's. Otherwise the rows have them: after a crash
/// they were saved more often than the lease's copy, and of several shards the lease holds the first one's only. None if
/// nothing is worth a try.
pub(super) async fn find(
    store: &dyn Store,
    policy: &Policy,
    wall: WallClock,
    of_lease: Option<SavedSession>,
    planned: bool,
) -> Option<Found> {
    if planned
        && let Some(session) = &of_lease
        && session.shards == NonZeroU32::MIN
    {
        return Some(Found::of_lease(session.clone()));
    }
    let listed = match timeout(policy.request_timeout, store.list(ROWS, MOST_SHARDS)).await {
        Ok(listed) => listed,
        Err(_) => Err(StoreError::Timeout),
    };
    let rows: BTreeMap<u32, Row> = match listed {
        Ok(items) => items.into_iter().filter_map(row).collect(),
        Err(error) => {
            tracing::warn!(%error, "saved sessions not readable");
            BTreeMap::new()
        }
    };
    choose(rows, of_lease, wall, policy)
}

fn row(item: StateItem) -> Option<(u32, Row)> {
    let shard = item.key.as_str().strip_prefix(ROWS)?.parse().ok()?;
    Some((shard, serde_json::from_value(item.value).ok()?))
}

/// The rows of the newest count of shards, and of these the ones that are fresh enough. A row wins over the lease's copy
/// unless that one is further in the same session.
fn choose(rows: BTreeMap<u32, Row>, of_lease: Option<SavedSession>, wall: WallClock, policy: &Policy) -> Option<Found> {
    let Some(newest) = rows.values().max_by_key(|row| row.saved_wall.0) else {
        return of_lease.map(Found::of_lease);
    };
    let shards = newest.session.shards;
    let fits = |(shard, row): &(u32, Row)| row.session.shards == shards && *shard < shards.get();
    let fresh = |(_, row): &(u32, Row)| wall.since(row.saved_wall) <= policy.resume_within;
    let mut sessions: Sessions =
        rows.into_iter().filter(fits).filter(fresh).map(|(shard, row)| (shard, row.session)).collect();
    if let (Some(first), Some(lease)) = (sessions.get_mut(&0), of_lease)
        && first.session_id == lease.session_id
    {
        first.sequence = first.sequence.max(lease.sequence);
    }
    if sessions.is_empty() {
        tracing::info!("saved sessions too old to resume");
        return None;
    }
    Some(Found { shards, sessions })
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

    fn session(id: &str, sequence: u64, shards: u32) -> SavedSession {
        let shards = NonZeroU32::new(shards).unwrap();
        SavedSession { session_id: id.into(), sequence, resume_url: None, shards }
    }

    fn rows(all: &[(u32, SavedSession, u64)]) -> BTreeMap<u32, Row> {
        let row = |(shard, session, at): &(u32, SavedSession, u64)| {
            (*shard, Row { session: session.clone(), term: Term(1), saved_wall: WallClock(*at) })
        };
        all.iter().map(row).collect()
    }

    /// What is chosen at 1,030 s, as shard and sequence.
    fn chosen(rows: BTreeMap<u32, Row>, of_lease: Option<SavedSession>) -> Option<(u32, Vec<(u32, u64)>)> {
        let found = choose(rows, of_lease, WallClock(1_030_000), &Policy::embedded())?;
        let sessions = found.sessions.iter().map(|(shard, session)| (*shard, session.sequence)).collect();
        Some((found.shards.get(), sessions))
    }

    #[test]
    fn the_row_wins_over_the_lease_unless_it_is_too_old() {
        let row = |id, sequence| rows(&[(0, session(id, sequence, 1), 1_000_000)]);
        let lease = |sequence| Some(session("a", sequence, 1));
        assert_eq!(chosen(row("a", 9), lease(5)), Some((1, vec![(0, 9)])));
        assert_eq!(chosen(row("a", 5), lease(9)), Some((1, vec![(0, 9)])));
        assert_eq!(chosen(row("b", 2), lease(9)), Some((1, vec![(0, 2)])));
        assert_eq!(chosen(rows(&[]), lease(9)), Some((1, vec![(0, 9)])));
        assert_eq!(chosen(rows(&[(0, session("a", 9, 1), 900_000)]), lease(9)), None);
    }

    #[test]
    fn each_shard_has_its_own_and_one_too_old_begins_anew() {
        let all = rows(&[
            (0, session("a", 9, 3), 1_000_000),
            (1, session("b", 8, 3), 900_000),
            (2, session("c", 7, 3), 1_020_000),
        ]);
        assert_eq!(chosen(all, Some(session("a", 12, 3))), Some((3, vec![(0, 12), (2, 7)])));
    }

    #[test]
    fn sessions_of_another_count_of_shards_are_no_good() {
        let all = rows(&[
            (0, session("new", 9, 2), 1_020_000),
            (1, session("new", 8, 2), 1_020_000),
            (2, session("old", 7, 3), 1_010_000),
        ]);
        assert_eq!(chosen(all, Some(session("old", 12, 3))), Some((2, vec![(0, 9), (1, 8)])));
    }

    #[test]
    fn a_row_is_read_as_it_was_written_and_without_a_count_too() {
        let fence = Fence {
            site: relais_failover::Site::Laptop,
            incarnation: relais_failover::Incarnation::new(1),
            term: Term(4),
        };
        let kept = session("a", 9, 2);
        let tx = saving(&[(&1, &kept)], fence, WallClock(5));
        let [Write::Put { key, value }] = &tx.writes[..] else { unreachable!("one write") };
        assert_eq!(key.as_str(), "STATE#SESSION#1");
        let item = StateItem { key: key.clone(), value: value.clone(), revision: 1 };
        assert_eq!(row(item).map(|(shard, row)| (shard, row.session)), Some((1, kept)));
        let older =
            serde_json::json!({ "session_id": "a", "sequence": 9, "resume_url": null, "term": 1, "saved_wall": 5 });
        let item = StateItem { key: "STATE#SESSION#0".parse().unwrap(), value: older, revision: 1 };
        assert_eq!(row(item).map(|(shard, row)| (shard, row.session)), Some((0, session("a", 9, 1))));
    }
}
