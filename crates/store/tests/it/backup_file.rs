//! The file of a backup: one that is not whole is refused before anything is written.

use std::time::Duration;

use relais_failover::{ControlMode, WallClock};
use relais_store::archive::{Fresh, Reader, RestoreFailure, TakeError, restore, take, verify};
use relais_store::faulty::{Call, Fault};
use relais_store::{
    Archive as _, Faulty, LeaseStore as _, Memory, Restoration, RestoreError, Sqlite, StateStore as _, Store,
    StoreError, Write,
};

use crate::builders::{event, held, put, version, wish, write};

async fn filled() -> Memory {
    with(90).await
}

async fn with(notes: u64) -> Memory {
    let store = Memory::new();
    let now = held(&store).await;
    let puts = (0..notes).map(|n| put(&format!("note#{n}"), n)).chain([
        Write::AppendEvent(event(1)),
        Write::AppendEvent(event(2)),
        Write::Control(wish(ControlMode::Maintenance)),
    ]);
    store.commit(&write(&now, "op", puts.collect())).await.unwrap();
    store
}

async fn file() -> Vec<u8> {
    file_of(&filled().await).await
}

async fn file_of(store: &dyn Store) -> Vec<u8> {
    let mut file = Vec::new();
    take(store, &mut file, WallClock(5), &mut |_| ()).await.unwrap();
    file
}

fn refusal(file: &[u8]) -> String {
    verify(file).unwrap_err().to_string()
}

fn fresh() -> Fresh {
    Fresh { version: version(), ttl: Duration::from_secs(30), wall: WallClock(6) }
}

#[tokio::test]
async fn every_line_is_a_document_and_the_last_one_tells_of_all() {
    let file = file().await;
    let text = std::str::from_utf8(&file).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        serde_json::json!({ "backup": "relais", "schema": 1, "taken": 5, "site": "laptop", "term": 1 })
    );
    let end = &lines.last().unwrap()["end"];
    assert_eq!((end["lines"].as_u64(), end["state"].as_u64()), (Some(lines.len() as u64 - 1), Some(90)));
    assert_eq!((end["events"].as_u64(), end["overrides"].as_u64()), (Some(2), Some(1)));
    let checked = verify(&*file).unwrap();
    assert_eq!(checked.end.counts.all(), lines.len() as u64 - 2);
}

#[tokio::test]
async fn a_file_that_was_cut_short_anywhere_is_refused() {
    let file = file().await;
    for length in 0..file.len() {
        let said = refusal(&file[..length]);
        assert!(said.contains("cut short"), "{length} of {}: {said}", file.len());
    }
}

#[tokio::test]
async fn a_file_with_any_byte_changed_is_refused() {
    let file = file_of(&with(9).await).await;
    let mut changed = 0;
    for at in 0..file.len() {
        for bits in [0x01, 0x10] {
            let mut copy = file.clone();
            copy[at] ^= bits;
            // Wherever it is: the content, the last line itself, an end of line.
            let verdict = verify(&*copy);
            assert!(verdict.is_err(), "byte {at} of {} changed and nobody noticed", file.len());
            changed += 1;
        }
    }
    assert!(changed > 2_000, "only {changed}");
}

#[tokio::test]
async fn lines_that_were_taken_out_put_in_or_moved_are_refused() {
    let file = file().await;
    let text = std::str::from_utf8(&file).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let joined = |lines: &[&str]| refusal(lines.concat().as_bytes());
    let without = [&lines[..9], &lines[10..]].concat();
    let twice = [&lines[..9], &lines[8..]].concat();
    let mut swapped = lines.clone();
    swapped.swap(20, 21);
    for (what, says) in
        [(joined(&without), "number of lines"), (joined(&twice), "number of lines"), (joined(&swapped), "SHA-256")]
    {
        assert!(what.contains("was changed") && what.contains(says), "{what}");
    }
    assert!(joined(&[&lines[..], &["{}\n"]].concat()).contains("what stands behind it"));
}

#[tokio::test]
async fn another_programs_file_and_a_newer_one_are_told_apart() {
    for foreign in ["hello\n", "{}\n", "{\"backup\":\"other\"}\n", "\u{0}\n"] {
        let said = refusal(foreign.as_bytes());
        assert!(said.contains("no backup of Relais"), "{said}");
    }
    let newer = refusal(b"{\"backup\":\"relais\",\"schema\":2,\"what\":\"ever\"}\n");
    assert!(newer.contains("has form 2") && newer.contains("reads up to 1"), "{newer}");
    // A record of a newer form, in a backup that is whole.
    let file = file().await;
    let text = std::str::from_utf8(&file).unwrap();
    let event = text.lines().find(|line| line.starts_with("{\"event\"")).unwrap();
    let newer = text.replacen(event, &event.replace("\"schema\":1", "\"schema\":2"), 1);
    let said = refusal(newer.as_bytes());
    assert!(said.contains("line 3 of it, has form 2"), "{said}");
    let long = [b"{\"backup\":\"relais\",\"x\":\"".to_vec(), vec![b'x'; 3 << 20]].concat();
    assert!(refusal(&long).contains("bytes"));
}

#[tokio::test]
async fn a_file_that_changes_between_its_check_and_its_restore_never_becomes_a_store() {
    let (file, store) = (file().await, Memory::new());
    let before = filled().await;
    let now = before.read_board().await.unwrap().lease.unwrap();
    before.commit(&write(&now, "more", vec![put("note#1", "other")])).await.unwrap();
    let other = file_of(&before).await;
    let checked = verify(&*file).unwrap();
    let reader = Reader::open(&*other).unwrap();
    let failure =
        restore(&store, &checked, reader, fresh(), &mut |item| Ok(vec![item]), &mut |_| ()).await.unwrap_err();
    assert!(matches!(failure, RestoreFailure::Read(_)), "{failure}");
    assert_eq!(store.read_board().await.unwrap().lease, None);
}

#[tokio::test]
async fn lost_answers_of_a_restore_are_asked_for_again() {
    let (file, store) = (file().await, Faulty::new(Memory::new()));
    for call in [Call::BeginRestore, Call::PutBack, Call::FinishRestore] {
        store.next(call, Fault::AnswerLost);
        store.next(call, Fault::RequestLost);
    }
    let checked = verify(&*file).unwrap();
    let mut progress = Vec::new();
    let mut told = |done| progress.push(done);
    let reader = Reader::open(&*file).unwrap();
    let restored = restore(&store, &checked, reader, fresh(), &mut |item| Ok(vec![item]), &mut told).await.unwrap();
    assert_eq!((restored.counts.state, restored.counts.events), (90, 2));
    assert!(progress.len() > 1 && progress.last() == Some(&checked.end.counts.all()), "{progress:?}");
    assert!(store.inner().read_board().await.unwrap().lease.is_some());
}

#[tokio::test]
async fn a_restore_that_broke_goes_on_and_no_half_of_it_is_a_store() {
    let (file, store) = (file().await, Faulty::new(Memory::new()));
    let checked = verify(&*file).unwrap();
    for call in [Call::PutBack, Call::FinishRestore] {
        store.next(call, Fault::Unavailable);
        let reader = Reader::open(&*file).unwrap();
        let broken =
            restore(&store, &checked, reader, fresh(), &mut |item| Ok(vec![item]), &mut |_| ()).await.unwrap_err();
        assert!(
            matches!(broken, RestoreFailure::Restore(RestoreError::Store(StoreError::Unreachable { .. }))),
            "{broken}"
        );
        assert_eq!(store.inner().read_board().await.unwrap().lease, None);
    }
    let reader = Reader::open(&*file).unwrap();
    restore(&store, &checked, reader, fresh(), &mut |item| Ok(vec![item]), &mut |_| ()).await.unwrap();
    assert_eq!(store.inner().list("", usize::MAX).await.unwrap().len(), 90);
}

#[tokio::test]
async fn a_store_that_fails_in_the_middle_leaves_no_backup() {
    let store = Faulty::new(filled().await);
    store.next(Call::Copy, Fault::Unavailable);
    let mut file = Vec::new();
    let failure = take(&store, &mut file, WallClock(5), &mut |_| ()).await.unwrap_err();
    assert!(matches!(failure, TakeError::Store(StoreError::Unreachable { .. })), "{failure}");
    assert!(refusal(&file).contains("cut short"));
}

#[tokio::test]
async fn a_file_that_lost_its_lease_is_not_restored_into_and_can_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Sqlite::open(&path, Duration::from_secs(10)).unwrap();
    let now = held(&store).await;
    store.commit(&write(&now, "op", vec![put("a", 1), Write::AppendEvent(event(7))])).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(other.execute("DELETE FROM record WHERE name = 'LEASE'", []).unwrap(), 1);
    let source = Restoration { schema: 1, digest: "0".repeat(64), wall_hint: WallClock(1) };
    let refused = store.begin_restore(&source).await.unwrap_err();
    assert!(matches!(refused, RestoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(store.put_back(&source, &[]).await, Err(RestoreError::NotBegun));
    let lease = crate::builders::initial();
    assert_eq!(store.finish_restore(&source, &lease).await, Err(RestoreError::NotBegun));
    assert_eq!(store.read_board().await.unwrap().lease, None);

    // Nobody knows its term any more: the history's last one stands for it.
    let file = file_of(&store).await;
    let checked = verify(&*file).unwrap();
    assert_eq!((checked.header.term.0, checked.header.site, checked.end.counts.state), (7, None, 1));
}
