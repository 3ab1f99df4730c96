//! A store goes to a DynamoDB table of an emulator and back as people do it, and a copy of a table that changes meanwhile
//! is mended. `cargo xtask check --only emulator` starts an emulator and runs this.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use relais_bot::backup::mended;
use relais_bot::reminders::Reminder;
use relais_failover::{Claim, Fence, Incarnation, LeaseOp, LeaseRecord, Site, Version, WallClock};
use relais_store::archive::{Fresh, Reader, restore, take, verify};
use relais_store::{Entry, FencedWrite, Memory, OperationId, StateStore as _, Store, Write};

use crate::backup_and_restore::{filled, items, open, said, url};
use crate::command::refusal;
use crate::on_dynamodb::{REGION, emulator, make_table};

async fn table() -> String {
    let host = emulator();
    format!("dynamodb:{}?region={REGION}&endpoint=http://{host}", make_table(&host).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_moves_to_a_table_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (here, old, table) = (folder.path(), filled(folder.path()).await, table().await);
    said(here, &["backup", "--store", &old, "--to", "one.ndjson"]);
    let told = said(here, &["restore", "--store", &table, "--from", "one.ndjson"]);
    assert!(told.contains("the lease is there, held by nobody, term 10001"), "{told}");
    let (code, line) = refusal(here, &["restore", "--store", &table, "--from", "one.ndjson"]);
    assert!(code == 1 && line.contains("it has a lease record (term 10001)"), "{code} {line}");

    said(here, &["backup", "--store", &table, "--to", "two.ndjson"]);
    let new = url(here, "new.db");
    let told = said(here, &["restore", "--store", &new, "--from", "two.ndjson"]);
    assert!(told.contains("term 20001"), "{told}");
    let there = items(&table).await;
    assert_eq!(there.len(), 4);
    assert_eq!(items(&new).await, there);
}

/// The laptop holds the lease.
async fn held(store: &dyn Store) -> Fence {
    let first = LeaseRecord::initial(Version::new(1), Duration::from_secs(30), WallClock(1));
    store.init(&first).await.unwrap();
    let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(7) };
    let (expected, version) = (Version::new(1), Version::new(2));
    let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(1) };
    store.apply(&op).await.unwrap().fence().unwrap()
}

fn reminder(n: u64) -> Reminder {
    Reminder::single(1_790_000_000_000_000_000 + n, n % 9, 42, "milk", 1_790_000_000_000 + i64::try_from(n).unwrap())
}

async fn commit(store: &dyn Store, fence: Fence, operation: String, writes: Vec<Write>) {
    store.commit(&FencedWrite { fence, operation: OperationId::new(operation), writes }).await.unwrap();
}

/// The reminders that wait, by the entries that they should have, and the entries that there are.
fn moments<'a>(items: impl Iterator<Item = &'a relais_store::StateItem>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut wanted, mut there) = (BTreeSet::new(), BTreeSet::new());
    for item in items {
        if item.key.as_str().starts_with("OUTBOX#") {
            there.insert(item.key.to_string());
        } else {
            wanted.extend(Reminder::of(item).map(|reminder| reminder.outbox_key().to_string()));
        }
    }
    (wanted, there)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_table_that_changes_meanwhile_leaves_no_reminder_without_its_moment() {
    let store: Arc<dyn Store> = open(&table().await).await;
    let fence = held(&*store).await;
    for first in (0..34).step_by(17) {
        let writes = (first..first + 17).flat_map(|n| reminder(n).kept()).collect();
        commit(&*store, fence, format!("fill-{first}"), writes).await;
    }
    // Others are added, and those that are there move on, each in one transaction with its entry.
    let changing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 34_u64.. {
                let old = reminder(n - 34);
                let moved = Reminder { next_ms: old.next_ms + 10_000, tries: 1, ..old.clone() };
                let mut writes = vec![Write::Delete { key: old.outbox_key() }];
                writes.extend(moved.kept());
                writes.extend(reminder(n).kept());
                commit(&*store, fence, format!("change-{n}"), writes).await;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    });
    let mut file = Vec::new();
    take(&*store, &mut file, WallClock(5), &mut |_| ()).await.unwrap();
    changing.abort();

    let (checked, mut reader) = (verify(&*file).unwrap(), Reader::open(&*file).unwrap());
    let mut copied = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if let Entry::State(item) = entry {
            copied.push(item);
        }
    }
    let (wanted, there) = moments(copied.iter());
    assert_ne!(wanted, there, "the copy was of one moment after all, and proves nothing");

    let new = Memory::new();
    let fresh = Fresh { version: Version::new(9), ttl: Duration::from_secs(30), wall: WallClock(6) };
    restore(&new, &checked, Reader::open(&*file).unwrap(), fresh, &mut mended, &mut |_| ()).await.unwrap();
    let (wanted, there) = moments(new.list("", usize::MAX).await.unwrap().iter());
    assert_eq!(wanted, there);
    // Those that were there before it began are in it, each once.
    let ids: BTreeSet<u64> = (0..34).collect();
    let kept = new.list("STATE#USER#", usize::MAX).await.unwrap();
    let kept: BTreeSet<u64> = kept
        .iter()
        .map(|item| Reminder::of(item).unwrap().id.parse::<u64>().unwrap() - 1_790_000_000_000_000_000)
        .collect();
    assert!(kept.is_superset(&ids), "{kept:?}");
}
