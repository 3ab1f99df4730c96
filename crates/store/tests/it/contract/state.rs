//! Fenced writes: only under a live term, once per operation, all or nothing.

use std::sync::Arc;

use relais_failover::{ControlMode, Site};
use relais_store::{CommitError, Committed, StateKey, Store, StoreError, Write, limits};
use serde_json::{Value, json};

use crate::builders::{claim, delete, event, held, initial, put, renew, take_over, value, wish, write};

crate::contract::promises!(
    commit_is_readable_when_it_is_acknowledged,
    repeated_operation_changes_nothing,
    twenty_repetitions_apply_once,
    newer_term_fences_every_write,
    applied_operation_stays_applied_after_its_term,
    commit_without_a_lease_is_fenced,
    renewed_term_still_writes,
    mixed_transaction_is_all_or_nothing,
    revisions_count_puts,
    list_is_ordered_and_bounded,
    large_and_foreign_texts_survive,
    too_large_is_refused_in_the_same_words,
    one_key_twice_is_refused,
    events_are_appended_in_order,
    an_operators_wish_is_replaced_and_a_replay_does_not_bring_it_back,
);

async fn commit_is_readable_when_it_is_acknowledged(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let done = store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap();
    assert_eq!((done, value(&*store, "a").await), (Committed::Applied, Some(json!(1))));
    assert_eq!(value(&*store, "b").await, None);
}

async fn repeated_operation_changes_nothing(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap();
    let again = write(&now, "op", vec![put("a", 2), put("b", 2), Write::AppendEvent(event(1))]);
    assert_eq!(store.commit(&again).await.unwrap(), Committed::Repeated);
    assert_eq!((value(&*store, "a").await, value(&*store, "b").await), (Some(json!(1)), None));
    assert_eq!(store.recent(1).await.unwrap(), []);
}

async fn twenty_repetitions_apply_once(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (store, tx) = (Arc::clone(&store), write(&now, "op", vec![put("a", 1)]));
            tokio::spawn(async move { store.commit(&tx).await.unwrap() })
        })
        .collect();
    let mut applied = 0;
    for done in tries {
        applied += u32::from(done.await.unwrap() == Committed::Applied);
    }
    let item = store.read(&StateKey::state("a")).await.unwrap().unwrap();
    assert_eq!((applied, item.revision), (1, 1));
}

async fn newer_term_fences_every_write(store: Arc<dyn Store>) {
    let old = held(&*store).await;
    store.commit(&write(&old, "before", vec![put("a", "old")])).await.unwrap();
    let new = store.apply(&take_over(claim(Site::Cloud, 2), &old)).await.unwrap();
    let late = write(&old, "late", vec![put("a", "late"), Write::AppendEvent(event(1))]);
    let CommitError::Fenced { current } = store.commit(&late).await.unwrap_err() else { panic!("not fenced") };
    assert_eq!(current.as_deref(), Some(&new));
    for alone in [Write::AppendEvent(event(1)), Write::Control(wish(ControlMode::ForceLaptop))] {
        let refused = store.commit(&write(&old, "later", vec![alone])).await;
        assert!(matches!(refused, Err(CommitError::Fenced { .. })));
    }
    let nothing = write(&old, "latest", vec![]);
    assert!(matches!(store.commit(&nothing).await, Err(CommitError::Fenced { .. })));
    assert_eq!(value(&*store, "a").await, Some(json!("old")));
    assert_eq!(store.recent(10).await.unwrap(), []);
    assert_eq!(store.read_board().await.unwrap().control, None);
    // A refused operation was not spent: the new holder may carry it out.
    assert_eq!(store.commit(&write(&new, "late", vec![put("a", "new")])).await.unwrap(), Committed::Applied);
    assert_eq!(value(&*store, "a").await, Some(json!("new")));
}

async fn applied_operation_stays_applied_after_its_term(store: Arc<dyn Store>) {
    let old = held(&*store).await;
    let tx = write(&old, "op", vec![put("a", 1)]);
    store.commit(&tx).await.unwrap();
    let new = store.apply(&take_over(claim(Site::Cloud, 2), &old)).await.unwrap();
    assert_eq!(store.commit(&tx).await.unwrap(), Committed::Repeated);
    assert_eq!(store.commit(&write(&new, "op", vec![put("a", 2)])).await.unwrap(), Committed::Repeated);
    assert_eq!(value(&*store, "a").await, Some(json!(1)));
}

async fn commit_without_a_lease_is_fenced(store: Arc<dyn Store>) {
    let mut never = initial();
    never.holder = Some(claim(Site::Laptop, 1));
    let error = store.commit(&write(&never, "op", vec![put("a", 1)])).await.unwrap_err();
    assert_eq!(error, CommitError::Fenced { current: None });
    assert_eq!(value(&*store, "a").await, None);
}

async fn renewed_term_still_writes(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    store.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap();
    assert_eq!(store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap(), Committed::Applied);
}

async fn mixed_transaction_is_all_or_nothing(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    store.commit(&write(&now, "1", vec![put("a", 1), put("b", 1)])).await.unwrap();
    let huge = "x".repeat(limits::MAX_ITEM_BYTES);
    let wished = wish(ControlMode::Maintenance);
    let control = Write::Control(wished.clone());
    let mixed = |last| vec![put("a", 2), delete("b"), Write::AppendEvent(event(1)), control.clone(), last];
    let error = store.commit(&write(&now, "2", mixed(put("c", huge)))).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(StoreError::TooLarge { .. })), "{error}");
    assert_eq!(value(&*store, "a").await, Some(json!(1)));
    assert_eq!(value(&*store, "b").await, Some(json!(1)));
    assert_eq!(store.recent(9).await.unwrap(), []);
    assert_eq!(store.read_board().await.unwrap().control, None);
    store.commit(&write(&now, "2", mixed(put("c", 2)))).await.unwrap();
    assert_eq!(value(&*store, "a").await, Some(json!(2)));
    assert_eq!(value(&*store, "b").await, None);
    assert_eq!(value(&*store, "c").await, Some(json!(2)));
    assert_eq!(store.recent(9).await.unwrap(), [event(1)]);
    assert_eq!(store.read_board().await.unwrap().control, Some(wished));
}

async fn an_operators_wish_is_replaced_and_a_replay_does_not_bring_it_back(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let asks = |operation: &str, mode| write(&now, operation, vec![Write::Control(wish(mode))]);
    let first = asks("first", ControlMode::ForceCloud);
    assert_eq!(store.commit(&first).await.unwrap(), Committed::Applied);
    assert_eq!(store.commit(&asks("second", ControlMode::Auto)).await.unwrap(), Committed::Applied);
    assert_eq!(store.commit(&first).await.unwrap(), Committed::Repeated);
    let board = store.read_board().await.unwrap();
    assert_eq!((board.control, board.lease), (Some(wish(ControlMode::Auto)), Some(now)));
    // It is no item of bot data, and bot data cannot name it.
    assert_eq!(store.list("", 9).await.unwrap(), []);
    assert!("CONTROL".parse::<StateKey>().is_err());
}

async fn revisions_count_puts(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let revision = async || store.read(&StateKey::state("a")).await.unwrap().map(|item| item.revision);
    for n in 1..=3_u64 {
        store.commit(&write(&now, &n.to_string(), vec![put("a", n)])).await.unwrap();
        assert_eq!(revision().await, Some(n));
    }
    store.commit(&write(&now, "gone", vec![delete("a"), delete("never there")])).await.unwrap();
    assert_eq!(revision().await, None);
    store.commit(&write(&now, "anew", vec![put("a", 0)])).await.unwrap();
    assert_eq!(revision().await, Some(1));
}

async fn list_is_ordered_and_bounded(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let names =
        ["note#b", "note#a", "note#é", "note#10", "note#9", "note$", "not", "note#\u{10ffff}z", "nota", "note#%_"];
    let mut writes: Vec<_> = names.iter().map(|name| put(name, *name)).collect();
    writes.push(Write::Put { key: StateKey::outbox("note#a"), value: Value::Null });
    store.commit(&write(&now, "op", writes)).await.unwrap();
    let list = async |prefix: &str, limit| {
        let items = store.list(prefix, limit).await.unwrap();
        items.into_iter().map(|item| item.key.to_string().replacen("STATE#", "", 1)).collect::<Vec<_>>()
    };
    let notes = ["note#%_", "note#10", "note#9", "note#a", "note#b", "note#é", "note#\u{10ffff}z"];
    assert_eq!(list("STATE#note#", 100).await, notes);
    assert_eq!(list("STATE#note#", 3).await, notes[..3]);
    assert_eq!(list("STATE#note#\u{10ffff}", 3).await, notes[6..]);
    assert_eq!(list("STATE#note#", 0).await, [""; 0]);
    assert_eq!(list("STATE#%", 9).await, [""; 0]);
    assert_eq!(list("OUTBOX#", 9).await, ["OUTBOX#note#a"]);
    assert_eq!(list("", usize::MAX).await.len(), names.len() + 1);
}

async fn large_and_foreign_texts_survive(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let text = json!({ "text": "Zürich 東京 🦀 \u{0} \" \\ \u{202e}", "n": [1.5, -1, u64::MAX, null, true] });
    let large = json!("é🦀".repeat(50_000));
    assert!(large.to_string().len() >= 300_000);
    let tx = write(&now, "é\u{0}🦀", vec![put("é\u{0}🦀", text.clone()), put("large", large.clone())]);
    assert_eq!(store.commit(&tx).await.unwrap(), Committed::Applied);
    assert_eq!(store.commit(&tx).await.unwrap(), Committed::Repeated);
    assert_eq!(value(&*store, "é\u{0}🦀").await, Some(text));
    assert_eq!(value(&*store, "large").await, Some(large));
}

async fn too_large_is_refused_in_the_same_words(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let room = limits::MAX_ITEM_BYTES - "STATE#a".len() - "\"\"".len();
    let error = store.commit(&write(&now, "op", vec![put("a", "x".repeat(room + 1))])).await.unwrap_err();
    assert_eq!(error.to_string(), "STATE#a has 400001 bytes, a store takes at most 400000");
    let long = "k".repeat(limits::MAX_KEY_BYTES);
    for tx in [
        write(&now, "op", vec![put(&long, 1)]),
        write(&now, &format!("{long}k"), vec![put("a", 1)]),
        write(&now, "op", (0..11).map(|n| put(&n.to_string(), "x".repeat(390_000))).collect()),
    ] {
        let error = store.commit(&tx).await.unwrap_err();
        assert!(matches!(error, CommitError::Store(StoreError::TooLarge { .. })), "{error}");
    }
    assert_eq!(store.list("", 1).await.unwrap(), []);
    let just = write(&now, "op", vec![put("a", "x".repeat(room))]);
    assert_eq!(store.commit(&just).await.unwrap(), Committed::Applied);
}

async fn one_key_twice_is_refused(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let many = (0..=limits::MAX_WRITES).map(|n| put(&n.to_string(), 1)).collect();
    for tx in [
        write(&now, "op", vec![put("a", 1), put("a", 2)]),
        write(&now, "op", vec![put("a", 1), delete("a")]),
        write(&now, "op", many),
        write(&now, "op", vec![Write::Control(wish(ControlMode::Auto)), Write::Control(wish(ControlMode::ForceCloud))]),
        write(&now, "", vec![put("a", 1)]),
    ] {
        let error = store.commit(&tx).await.unwrap_err();
        assert!(matches!(error, CommitError::Store(StoreError::Invalid { .. })), "{error}");
    }
    assert_eq!(store.list("", 1).await.unwrap(), []);
    assert_eq!(store.read_board().await.unwrap().control, None);
}

async fn events_are_appended_in_order(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let append = |term| Write::AppendEvent(event(term));
    store.commit(&write(&now, "1", vec![append(1), append(2)])).await.unwrap();
    store.commit(&write(&now, "2", vec![append(3)])).await.unwrap();
    assert_eq!(store.recent(10).await.unwrap(), [event(3), event(2), event(1)]);
    assert_eq!(store.recent(2).await.unwrap(), [event(3), event(2)]);
    assert_eq!(store.recent(0).await.unwrap(), []);
}
