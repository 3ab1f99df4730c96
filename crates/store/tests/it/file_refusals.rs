//! A file that cannot be used is named in one clear error, and left as it is.

use std::fs;
use std::path::Path;
use std::time::Duration;

use relais_store::sqlite::{SCHEMA, SqliteOptions};
use relais_store::{CommitError, Committed, LeaseError, LeaseStore, Sqlite, StateStore, StoreError};
use rusqlite::Connection;

use crate::builders::{held, initial, put, renew, value, write};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

fn refused(path: &Path) -> StoreError {
    let before = fs::read(path).ok();
    let error = Sqlite::open(path, SHORT).unwrap_err();
    assert_eq!(fs::read(path).ok(), before, "the refused file was changed");
    assert!(error.to_string().contains(&path.display().to_string()), "{error} does not name the file");
    error
}

async fn filled(path: &Path) {
    let store = Sqlite::open(path, LONG).unwrap();
    let now = held(&store).await;
    for n in 0..20 {
        store.commit(&write(&now, &n.to_string(), vec![put(&n.to_string(), "x".repeat(3000))])).await.unwrap();
    }
    drop(store);
    // The last connection to close moves the log into the file: wait for the threads to do so.
    let log = path.with_extension("db-wal");
    let closed = async {
        while log.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
}

#[test]
fn missing_folder_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&folder.path().join("none/state.db"));
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("create it first"), "{error}");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn folder_in_place_of_the_file_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path());
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[test]
fn text_file_is_corrupt_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::write(&path, "this was never a database, but somebody needs it\n".repeat(100)).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("left untouched"), "{error}");
}

#[test]
fn file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE holiday (photo BLOB)").unwrap();
    let error = refused(&path);
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn damaged_page_is_corrupt_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn truncated_file_is_corrupt_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path).await;
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn file_of_a_newer_schema_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    filled(&path).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", SCHEMA + 1).unwrap();
    let error = refused(&path);
    assert_eq!(
        error,
        StoreError::Newer { store: path.display().to_string(), found: SCHEMA + 1, known: SCHEMA },
        "{error}"
    );
}

#[tokio::test]
async fn unreadable_record_is_corrupt_and_a_newer_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Sqlite::open(&path, LONG).unwrap();
    let now = held(&store).await;
    let other = Connection::open(&path).unwrap();
    other.execute("UPDATE record SET body = replace(body, '\"schema\":1', '\"schema\":9')", []).unwrap();
    let error = store.read_board().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9, .. }), "{error}");
    let error = store.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap_err();
    assert!(matches!(error, LeaseError::Store(StoreError::Newer { .. })), "{error}");
    other.execute("UPDATE record SET body = '{'", []).unwrap();
    let error = store.read_board().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn full_disk_is_said_and_nothing_of_the_transaction_stays() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { busy_timeout: LONG, page_limit: Some(40) };
    let store = Sqlite::open_with(&folder.path().join("state.db"), options).unwrap();
    let now = held(&store).await;
    let tx = write(&now, "op", vec![put("small", 1), put("large", "x".repeat(300_000))]);
    let error = store.commit(&tx).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(StoreError::Full { .. })), "{error}");
    assert_eq!(value(&store, "small").await, None);
    // It goes on as soon as there is room: the lease, and the same operation if it is smaller.
    store.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap();
    assert_eq!(store.commit(&write(&now, "op", vec![put("small", 1)])).await.unwrap(), Committed::Applied);
}

#[tokio::test]
async fn busy_file_is_said_and_waits_no_longer_than_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Sqlite::open(&path, SHORT).unwrap();
    let now = held(&store).await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap_err();
    assert!(matches!(error, CommitError::Store(StoreError::Busy { .. })), "{error}");
    assert_eq!(store.read_board().await.unwrap().lease, Some(now.clone()), "reads go on beside a writer");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.commit(&write(&now, "op", vec![put("a", 1)])).await.unwrap(), Committed::Applied);
}

#[test]
fn file_held_by_another_program_is_busy_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = Sqlite::open(&path, SHORT).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_one_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Which opener meets the file half-made is chance: many files give it many chances.
    for round in 0..25 {
        let path = folder.path().join(format!("state-{round}.db"));
        let start = std::sync::Arc::new(std::sync::Barrier::new(8));
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let (path, start) = (path.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    Sqlite::open(&path, LONG).unwrap()
                })
            })
            .collect();
        let stores: Vec<_> = openers.into_iter().map(|opener| opener.join().unwrap()).collect();
        let mut first = 0;
        for store in &stores {
            first += u32::from(store.init(&initial()).await.is_ok());
        }
        assert_eq!(first, 1);
    }
}
