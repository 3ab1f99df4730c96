//! A backup: everything goes out, and comes back into an empty store only.

use std::sync::Arc;

use relais_failover::{ControlMode, Site, Term, WallClock};
use relais_store::archive::{Fresh, Reader, UnknownForm};
use relais_store::archive::{RestoreFailure, Restored, TERMS_APART, restore, take, verify};
use relais_store::{
    CommitError, Committed, Entry, LeaseStore as _, Memory, RestoreError, StateItem, StateKey, StateStore as _, Store,
    StoreError, Write,
};
use serde_json::json;

use crate::builders::{acquire, claim, delete, event, held, initial, put, value, version, wish, write};

crate::contract::promises!(
    everything_comes_back_from_another_store_and_goes_to_one,
    the_first_term_after_a_restore_is_far_above_the_old_ones,
    what_must_not_come_back_does_not,
    a_store_with_a_lease_is_not_restored_into,
    a_store_with_anything_in_it_is_not_restored_into,
    a_half_restored_store_is_no_store_and_goes_on_with_the_same_backup_only,
    a_copy_has_every_write_that_was_acknowledged_before_it,
    a_store_that_lost_its_lease_can_be_copied,
);

/// A backup of `store` as the bytes of its file.
pub(crate) async fn backup(store: &dyn Store) -> Vec<u8> {
    let mut file = Vec::new();
    let taken = take(store, &mut file, WallClock(77), &mut |_| ()).await.unwrap();
    assert_eq!(taken.bytes, file.len() as u64);
    file
}

/// Puts a backup back as it is.
pub(crate) async fn put_back(store: &dyn Store, file: &[u8]) -> Result<Restored, RestoreFailure> {
    put_back_mended(store, file, &mut |item| Ok(vec![item])).await
}

async fn put_back_mended(
    store: &dyn Store,
    file: &[u8],
    mend: &mut (dyn FnMut(StateItem) -> Result<Vec<StateItem>, UnknownForm> + Send),
) -> Result<Restored, RestoreFailure> {
    let checked = verify(file).unwrap();
    let fresh = Fresh { version: version(), ttl: std::time::Duration::from_secs(30), wall: WallClock(88) };
    restore(store, &checked, Reader::open(file).unwrap(), fresh, mend, &mut |_| ()).await
}

/// The laptop holds it, and there is a bit of everything. Its term is 1.
async fn filled(store: &dyn Store) {
    let now = held(store).await;
    for part in 0..4 {
        let puts = (0..25).map(|n| put(&format!("note#{part}#{n}"), json!({ "n": n, "text": "é🦀".repeat(9) })));
        store.commit(&write(&now, &format!("fill-{part}"), puts.collect())).await.unwrap();
    }
    let again = vec![put("note#0#0", "anew"), delete("note#0#1"), put("é\u{0}🦀 \"\\\u{202e}", u64::MAX)];
    store.commit(&write(&now, "again", again)).await.unwrap();
    let waits = |n: u8| Write::Put { key: StateKey::outbox(format!("00{n}#x")), value: json!({ "to": n }) };
    store.commit(&write(&now, "outbox", vec![waits(2), waits(1)])).await.unwrap();
    for term in 1..=3 {
        store.commit(&write(&now, &format!("event-{term}"), vec![Write::AppendEvent(event(term))])).await.unwrap();
    }
}

async fn everything(store: &dyn Store) -> (Vec<StateItem>, Vec<relais_failover::EventRecord>) {
    (store.list("", usize::MAX).await.unwrap(), store.recent(99).await.unwrap())
}

async fn everything_comes_back_from_another_store_and_goes_to_one(store: Arc<dyn Store>) {
    let (first, last) = (Memory::new(), Memory::new());
    filled(&first).await;
    let file = backup(&first).await;
    let restored = put_back(&*store, &file).await.unwrap();
    let counts = restored.counts;
    assert_eq!((counts.state, counts.outbox, counts.events, counts.overrides), (100, 2, 3, 0));
    assert_eq!(everything(&*store).await, everything(&first).await);
    // What was restored is a store like any other, and its history goes on behind the old one.
    let free = store.read_board().await.unwrap().lease.unwrap();
    let now = store.apply(&acquire(claim(Site::Cloud, 5), &free)).await.unwrap();
    let more = vec![put("note#0#0", "later"), Write::AppendEvent(event(4))];
    assert_eq!(store.commit(&write(&now, "more", more)).await.unwrap(), Committed::Applied);
    assert_eq!(store.recent(2).await.unwrap(), [event(4), event(3)]);
    assert_eq!(store.read(&StateKey::state("note#0#0")).await.unwrap().unwrap().revision, 3);

    put_back(&last, &backup(&*store).await).await.unwrap();
    assert_eq!(everything(&last).await, everything(&*store).await);
}

async fn the_first_term_after_a_restore_is_far_above_the_old_ones(store: Arc<dyn Store>) {
    let lost = Memory::new();
    let old = held(&lost).await;
    let restored = put_back(&*store, &backup(&lost).await).await.unwrap();
    assert_eq!(restored.term, Term(1 + TERMS_APART));
    let lease = store.read_board().await.unwrap().lease.unwrap();
    assert_eq!((lease.holder, lease.offer, lease.session.clone()), (None, None, None));
    assert_eq!(lease.term, restored.term);
    // Whoever held the lost store holds nothing here, before and after somebody acquires it.
    for _ in 0..2 {
        let error = store.commit(&write(&old, "old", vec![put("a", 1)])).await.unwrap_err();
        assert!(matches!(error, CommitError::Fenced { .. }), "{error}");
        let free = store.read_board().await.unwrap().lease.unwrap();
        if free.holder.is_none() {
            let new = store.apply(&acquire(claim(Site::Cloud, 2), &free)).await.unwrap();
            assert_eq!(new.term, Term(2 + TERMS_APART));
        }
    }
    assert_eq!(value(&*store, "a").await, None);
}

async fn what_must_not_come_back_does_not(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let wished = wish(ControlMode::ForceCloud);
    let tx = write(&now, "op", vec![put("a", 1), put("session", 1), Write::Control(wished.clone())]);
    store.commit(&tx).await.unwrap();
    let file = backup(&*store).await;
    let new = Memory::new();
    let mut mend = |item: StateItem| if item.key == StateKey::state("session") { Ok(vec![]) } else { Ok(vec![item]) };
    let restored = put_back_mended(&new, &file, &mut mend).await.unwrap();
    assert_eq!(restored.control, Some(wished), "it is told of");
    let board = new.read_board().await.unwrap();
    assert_eq!((board.control, board.handback), (None, None));
    assert_eq!(new.list("", 9).await.unwrap().len(), 1);
    // The operation may happen again: what it did after the copy would not be there.
    let now = new.apply(&acquire(claim(Site::Laptop, 9), &board.lease.unwrap())).await.unwrap();
    assert_eq!(new.commit(&write(&now, "op", vec![])).await.unwrap(), Committed::Applied);
}

async fn a_store_with_a_lease_is_not_restored_into(store: Arc<dyn Store>) {
    let file = backup_of_one_note().await;
    let first = initial();
    store.init(&first).await.unwrap();
    let failure = put_back(&*store, &file).await.unwrap_err();
    assert!(matches!(failure, RestoreFailure::Restore(RestoreError::InUse { term: Term(0) })), "{failure}");
    assert!(failure.to_string().contains("nothing was overwritten"), "{failure}");
    assert_eq!(store.read_board().await.unwrap().lease, Some(first));
    assert_eq!(everything(&*store).await, (vec![], vec![]));
}

async fn a_store_with_anything_in_it_is_not_restored_into(store: Arc<dyn Store>) {
    // Data without a lease: half of a restore of another backup.
    let (one, other) = (backup_of_one_note().await, backup_of_other_note().await);
    assert!(half(&*store, &one).await);
    let before = everything(&*store).await;
    let failure = put_back(&*store, &other).await.unwrap_err();
    assert!(matches!(failure, RestoreFailure::Restore(RestoreError::Another { .. })), "{failure}");
    assert_eq!(everything(&*store).await, before);
    assert!(put_back(&*store, &one).await.is_ok());
    // And whole, it has a lease.
    let failure = put_back(&*store, &one).await.unwrap_err();
    assert!(matches!(failure, RestoreFailure::Restore(RestoreError::InUse { .. })), "{failure}");
}

async fn a_half_restored_store_is_no_store_and_goes_on_with_the_same_backup_only(store: Arc<dyn Store>) {
    let file = backup_of_one_note().await;
    assert!(half(&*store, &file).await);
    assert_eq!(store.read_board().await.unwrap().lease, None);
    assert_eq!(store.init(&initial()).await, Err(StoreError::RestoreUnfinished));
    assert_eq!(store.read_board().await.unwrap().lease, None);
    put_back(&*store, &file).await.unwrap();
    assert_eq!(value(&*store, "note").await, Some(json!("one")));
    assert_eq!(store.list("", 9).await.unwrap().len(), 1);
    assert_eq!(store.recent(9).await.unwrap(), [event(1)]);
    assert_eq!(store.init(&initial()).await, Err(StoreError::AlreadyInitialised));
}

async fn a_copy_has_every_write_that_was_acknowledged_before_it(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let writing = {
        let (store, now) = (Arc::clone(&store), now.clone());
        tokio::spawn(async move {
            let mut n = 0_u64;
            loop {
                let tx = write(&now, &format!("late-{n}"), vec![put(&format!("late#{n:06}"), n)]);
                store.commit(&tx).await.unwrap();
                n += 1;
                // Memory answers at once: a task that never waits could not be ended.
                tokio::task::yield_now().await;
            }
        })
    };
    for n in 0..20 {
        store.commit(&write(&now, &format!("early-{n}"), vec![put(&format!("early#{n}"), n)])).await.unwrap();
    }
    let late = store.list("STATE#late#", usize::MAX).await.unwrap();
    let mut copy = store.copy().await.unwrap();
    let mut copied = Vec::new();
    loop {
        let page = copy.next().await.unwrap();
        if page.is_empty() {
            break;
        }
        copied.extend(page);
    }
    assert!(copy.next().await.unwrap().is_empty(), "an end stays an end");
    writing.abort();
    let copied: Vec<_> =
        copied.iter().filter_map(|entry| if let Entry::State(item) = entry { Some(item) } else { None }).collect();
    assert!(copied.windows(2).all(|pair| pair[0].key < pair[1].key), "in the order of keys, each once");
    assert_eq!(copied.iter().filter(|item| item.key.as_str().starts_with("STATE#early#")).count(), 20);
    for item in late {
        assert!(copied.contains(&&item), "{} was acknowledged before", item.key);
    }
}

async fn a_store_that_lost_its_lease_can_be_copied(store: Arc<dyn Store>) {
    // Half of a restore looks the same: data, and no lease.
    let file = backup_of_one_note().await;
    let mut nothing = Vec::new();
    let empty = take(&*store, &mut nothing, WallClock(1), &mut |_| ()).await.unwrap_err();
    assert!(empty.to_string().contains("never initialised"), "{empty}");
    assert!(half(&*store, &file).await);
    let checked = verify(&*backup(&*store).await).unwrap();
    assert_eq!((checked.header.term, checked.header.site, checked.end.counts.state), (Term(1), None, 1));
}

async fn backup_of_one_note() -> Vec<u8> {
    backup_of("one").await
}

async fn backup_of_other_note() -> Vec<u8> {
    backup_of("other").await
}

async fn backup_of(text: &str) -> Vec<u8> {
    let store = Memory::new();
    let now = held(&store).await;
    store.commit(&write(&now, "op", vec![put("note", text), Write::AppendEvent(event(1))])).await.unwrap();
    backup(&store).await
}

/// Puts everything back but the lease: the last write is lost on its way, again and again.
async fn half(store: &dyn Store, file: &[u8]) -> bool {
    let checked = verify(file).unwrap();
    let source = relais_store::Restoration { schema: 1, digest: checked.end.sha256, wall_hint: WallClock(1) };
    store.begin_restore(&source).await.unwrap();
    let mut reader = Reader::open(file).unwrap();
    while let Some(entry) = reader.next().unwrap() {
        store.put_back(&source, &[entry]).await.unwrap();
    }
    store.read_board().await.unwrap().lease.is_none()
}
