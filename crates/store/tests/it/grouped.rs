//! Writes that wait for the disk together and are carried out together: each verdict is as if it had been alone.

use std::sync::Arc;
use std::time::Duration;

use relais_failover::Site;
use relais_store::{
    CommitError, Committed, LeaseStore as _, Sqlite, StateStore as _, StoreError, sqlite::SqliteOptions,
};
use rusqlite::Connection;

use crate::builders::{claim, held, put, take_over, value, write};

const LONG: Duration = Duration::from_secs(10);

/// Runs `calls` behind a lock that another process holds until all of them wait.
async fn together<T: Send + 'static>(
    path: &std::path::Path,
    calls: Vec<impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One thread: they are handed over in this order.
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.execute_batch("ROLLBACK").unwrap();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test]
async fn a_lease_that_moves_in_the_middle_fences_off_who_comes_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Arc::new(Sqlite::open(&path, LONG).unwrap());
    let now = held(&*store).await;
    let calls = (0..40).map(|i| {
        let (store, now) = (Arc::clone(&store), now.clone());
        async move {
            if i == 20 {
                store.apply(&take_over(claim(Site::Cloud, 2), &now)).await.unwrap();
                return Ok(Committed::Applied);
            }
            // The seventh is the sixth once more.
            let operation = format!("op-{}", if i == 7 { 6 } else { i });
            store.commit(&write(&now, &operation, vec![put(&format!("key-{i}"), i)])).await
        }
    });
    let done = together(&path, calls.collect()).await;
    for (i, done) in (0_u64..).zip(done) {
        let kept = value(&*store, &format!("key-{i}")).await;
        match i {
            7 => assert_eq!((done.unwrap(), kept), (Committed::Repeated, None)),
            20 => assert_eq!((done.unwrap(), kept), (Committed::Applied, None)),
            0..20 => assert_eq!((done.unwrap(), kept), (Committed::Applied, Some(i.into())), "{i}"),
            _ => {
                assert!(matches!(done, Err(CommitError::Fenced { .. })), "{i}: {done:?}");
                assert_eq!(kept, None, "{i}");
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let options = SqliteOptions { busy_timeout: LONG, page_limit: Some(40) };
    let store = Arc::new(Sqlite::open_with(&path, options).unwrap());
    let now = held(&*store).await;
    let calls = (0..12).map(|i| {
        let (store, now) = (Arc::clone(&store), now.clone());
        let text = if i % 4 == 2 { "x".repeat(300_000) } else { "small".to_owned() };
        async move { store.commit(&write(&now, &format!("op-{i}"), vec![put(&format!("key-{i}"), text)])).await }
    });
    let done = together(&path, calls.collect()).await;
    drop(store);
    let store = Sqlite::open(&path, LONG).unwrap();
    for (i, done) in done.into_iter().enumerate() {
        let kept = value(&store, &format!("key-{i}")).await;
        if i % 4 == 2 {
            assert!(matches!(done, Err(CommitError::Store(StoreError::Full { .. }))), "{i}: {done:?}");
            assert_eq!(kept, None, "{i}");
        } else {
            assert_eq!((done.unwrap(), kept), (Committed::Applied, Some("small".into())), "{i}");
        }
    }
}
