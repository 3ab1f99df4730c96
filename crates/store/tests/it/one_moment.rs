//! A copy of a SQLite file or of memory is of one moment, and holds nobody up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use relais_failover::Site;
use relais_store::Entry;

use crate::builders::{claim, held, put, take_over, write};
use crate::contract::{Fixture, memory, sqlite};

/// Every transaction writes its number into both of a pair, the first and the last key that there are.
async fn pairs_are_never_torn(fixture: Fixture) {
    let store = fixture.store.clone();
    let now = held(&*store).await;
    let filler = |part: u64| (0..90).map(move |n| put(&format!("m#{part}#{n}"), "x".repeat(500)));
    for part in 0..10 {
        store.commit(&write(&now, &format!("fill-{part}"), filler(part).collect())).await.unwrap();
    }
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writing = {
        let (store, now, acknowledged) = (store.clone(), now.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for n in 1_u64.. {
                store.commit(&write(&now, &format!("pair-{n}"), vec![put("a", n), put("z", n)])).await.unwrap();
                acknowledged.store(n, Ordering::SeqCst);
                // Memory answers at once: a task that never waits could not be ended.
                tokio::task::yield_now().await;
            }
        })
    };
    let mut last = 0;
    for _ in 0..15 {
        // So that each copy is of another moment.
        while acknowledged.load(Ordering::SeqCst) == last {
            tokio::task::yield_now().await;
        }
        last = acknowledged.load(Ordering::SeqCst);
        let mut copy = store.copy().await.unwrap();
        let mut items = Vec::new();
        let mut pages = 0;
        loop {
            let page = copy.next().await.unwrap();
            if page.is_empty() {
                break;
            }
            pages += 1;
            items.extend(page);
            // A reader that is slow does not hold up the writer.
            let before = acknowledged.load(Ordering::SeqCst);
            while acknowledged.load(Ordering::SeqCst) == before {
                tokio::task::yield_now().await;
            }
        }
        assert!(pages > 2, "only {pages} pages: nothing could have been written between them");
        let found = numbers(&items);
        assert_eq!(found["STATE#a"], found["STATE#z"], "a transaction is there by half");
        assert!(found["STATE#a"] >= last, "a write that was acknowledged before is missing");
    }
    writing.abort();
}

fn numbers(entries: &[Entry]) -> BTreeMap<&str, u64> {
    entries.iter().filter_map(number).collect()
}

fn number(entry: &Entry) -> Option<(&str, u64)> {
    match entry {
        Entry::State(item) => Some((item.key.as_str(), item.value.as_u64()?)),
        Entry::Control(_) | Entry::Event { .. } => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_memory_is_of_one_moment() {
    pairs_are_never_torn(memory().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_a_file_is_of_one_moment() {
    pairs_are_never_torn(sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_nobody_reads_holds_up_neither_writes_nor_the_lease() {
    let Fixture { store, .. } = &sqlite().await;
    let now = held(&**store).await;
    store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap();
    let copies = [store.copy().await.unwrap(), store.copy().await.unwrap()];
    store.commit(&write(&now, "op-2", vec![put("a", 2)])).await.unwrap();
    let next = store.apply(&take_over(claim(Site::Cloud, 2), &now)).await.unwrap();
    assert_eq!(store.read_board().await.unwrap().lease, Some(next));
    for mut copy in copies {
        assert_eq!(copy.board().lease.as_ref(), Some(&now), "as it was when the copy began");
        assert_eq!(numbers(&copy.next().await.unwrap())["STATE#a"], 1);
    }
}
