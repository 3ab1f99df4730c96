//! `backup` and `restore` as people use them, and a bot that takes backups by itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use relais_bot::reminders::Reminder;
use relais_failover::{Claim, ControlMode, ControlRecord, Incarnation, LeaseOp, Site as Place, Version, WallClock};
use relais_host::clock::{Boottime, Clock as _};
use relais_store::archive::{TERMS_APART, verify};
use relais_store::{FencedWrite, OperationId, StateKey, Store, Write};
use serde_json::{Value, json};

use crate::bot_process::Site;
use crate::command::{PROGRAM, refusal, run};

const LONG: Duration = Duration::from_secs(10);

pub(crate) fn url(folder: &Path, name: &str) -> String {
    format!("sqlite:{}", folder.join(name).display())
}

pub(crate) async fn open(url: &str) -> std::sync::Arc<dyn Store> {
    relais_bot::store::open(&url.parse().unwrap(), LONG).await.unwrap()
}

pub(crate) fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Where what is reminded of is shown.
const CHANNEL: u64 = 201;

/// A store with a reminder that was due an hour ago, an override, and a session, under a term that a laptop holds.
pub(crate) async fn filled(folder: &Path) -> String {
    let store_url = url(folder, "old.db");
    said(folder, &["init", "--store", &store_url]);
    let store = open(&store_url).await;
    let free = store.read_board().await.unwrap().lease.unwrap();
    let claim = Claim { site: Place::Laptop, incarnation: Incarnation::new(7) };
    let (expected, version) = (free.version, Version::new(8));
    let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(1) };
    let fence = store.apply(&op).await.unwrap().fence().unwrap();
    let due = i64::try_from(Boottime.wall().0).unwrap() - 3_600_000;
    let reminder = Reminder { channel: Some(CHANNEL), ..Reminder::single("1790000000000000000", 7, 42, "milk", due) };
    let control = ControlRecord {
        schema: 1,
        mode: ControlMode::ForceCloud,
        until: WallClock(4_000_000_000_000),
        reason: "a try".to_owned(),
        by: None,
    };
    let mut writes = reminder.kept();
    writes.extend([
        Write::Put { key: StateKey::state("TAG#42#rules"), value: json!({ "text": "be kind", "by": "7" }) },
        Write::Put { key: StateKey::state("USER#7#TAG#42#rules"), value: json!({}) },
        Write::Put { key: StateKey::state("SESSION#0"), value: json!({ "session_id": "old" }) },
        Write::Put { key: StateKey::state("COMMANDS"), value: json!({ "hash": "old" }) },
        Write::Control(control),
    ]);
    store.commit(&FencedWrite { fence, operation: OperationId::new("fill"), writes }).await.unwrap();
    store_url
}

pub(crate) async fn items(store_url: &str) -> Vec<(String, Value)> {
    let items = open(store_url).await.list("", usize::MAX).await.unwrap();
    items.into_iter().map(|item| (item.key.to_string(), item.value)).collect()
}

#[tokio::test]
async fn a_store_is_copied_to_a_file_and_comes_back_without_what_must_not() {
    let folder = tempfile::tempdir().unwrap();
    let (here, old) = (folder.path(), filled(folder.path()).await);
    let told = said(here, &["backup", "--store", &old, "--to", "relais.ndjson"]);
    assert!(told.starts_with("relais.ndjson: 5 items, 1 messages that wait, 0 events, term 1, "), "{told}");
    let checked = said(here, &["restore", "--from", "relais.ndjson", "--check"]);
    assert!(checked.contains("whole, taken 20") && checked.contains("at the laptop in term 1: 5 items"), "{checked}");

    let new = url(here, "new.db");
    let told = said(here, &["restore", "--store", &new, "--from", "relais.ndjson"]);
    assert!(told.contains("3 items, 1 messages that wait, 0 events put back; the lease is there"), "{told}");
    assert!(told.contains("an override was in force (force-cloud until 2096-"), "{told}");
    let board = open(&new).await.read_board().await.unwrap();
    let lease = board.lease.unwrap();
    assert_eq!((lease.holder, lease.term.0, board.control), (None, 1 + TERMS_APART, None));
    let gone = ["STATE#SESSION#0", "STATE#COMMANDS"];
    let kept: Vec<_> = items(&old).await.into_iter().filter(|(key, _)| !gone.contains(&key.as_str())).collect();
    assert_eq!(items(&new).await, kept);
}

#[tokio::test]
async fn stdout_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let old = filled(folder.path()).await;
    let output = run(folder.path(), &["backup", "--store", &old, "--to", "-"]);
    let checked = verify(&*output.stdout).unwrap();
    assert_eq!((checked.end.counts.state, checked.end.counts.outbox), (5, 1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&checked.end.sha256));
}

#[tokio::test]
async fn nothing_that_is_there_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (here, old) = (folder.path(), filled(folder.path()).await);
    said(here, &["backup", "--store", &old, "--to", "relais.ndjson"]);
    let bytes = std::fs::read(here.join("relais.ndjson")).unwrap();
    let (code, line) = refusal(here, &["backup", "--store", &old, "--to", "relais.ndjson"]);
    assert!(code == 64 && line.contains("relais.ndjson is there already"), "{code} {line}");
    assert_eq!(std::fs::read(here.join("relais.ndjson")).unwrap(), bytes);
    std::fs::write(here.join("notes.part"), "somebody's").unwrap();
    let (code, line) = refusal(here, &["backup", "--store", &old, "--to", "notes"]);
    assert!(code == 64 && line.contains("notes.part is there already"), "{code} {line}");
    assert_eq!(std::fs::read_to_string(here.join("notes.part")).unwrap(), "somebody's");
    let before = items(&old).await;
    let (code, line) = refusal(here, &["restore", "--store", &old, "--from", "relais.ndjson"]);
    assert!(code == 1 && line.contains("the store is in use: it has a lease record (term 1)"), "{code} {line}");
    assert!(line.contains("old.db") && line.contains("new store only"), "{line}");
    assert_eq!(items(&old).await, before);
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_before_a_store_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (here, old) = (folder.path(), filled(folder.path()).await);
    said(here, &["backup", "--store", &old, "--to", "relais.ndjson"]);
    let text = std::fs::read_to_string(here.join("relais.ndjson")).unwrap();
    let new = url(here, "new.db");
    for (bad, says) in [
        (text[..text.len() - 40].to_owned(), "cut short"),
        (text.replacen("be kind", "be rude", 1), "the SHA-256 of its content is not what its last line says"),
        (text.replacen("\"schema\":1", "\"schema\":9", 1), "has form 9"),
        ("{}\n".to_owned(), "no backup of Relais"),
    ] {
        std::fs::write(here.join("bad.ndjson"), bad).unwrap();
        let (code, line) = refusal(here, &["restore", "--store", &new, "--from", "bad.ndjson"]);
        assert!(code == 1 && line.contains(says) && line.contains("bad.ndjson"), "{code} {line}");
    }
    let (code, line) = refusal(here, &["restore", "--store", &new, "--from", "missing.ndjson"]);
    assert!(code == 1 && line.contains("missing.ndjson"), "{code} {line}");
    assert!(!here.join("new.db").exists());
    let (code, line) = refusal(here, &["restore", "--from", "relais.ndjson"]);
    assert!(code == 64 && line.contains("--store"), "{code} {line}");
    let (code, line) = refusal(here, &["backup", "--store", "nowhere", "--to", "x.ndjson"]);
    assert!(code == 64 && line.contains("--store"), "{code} {line}");
    let (code, line) = refusal(here, &["backup", "--store", &url(here, "empty.db"), "--to", "x.ndjson"]);
    assert!(code == 1 && line.contains("never initialised"), "{code} {line}");
    assert!(!here.join("x.ndjson").exists() && !here.join("x.ndjson.part").exists());
}

#[tokio::test]
async fn a_reader_of_stdout_that_goes_away_is_a_failure_and_no_wedge() {
    let folder = tempfile::tempdir().unwrap();
    let old = filled(folder.path()).await;
    let mut command = std::process::Command::new(PROGRAM);
    command.args(["backup", "--store", &old, "--to", "-"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_takes_backups_and_a_bot_on_what_is_restored_sends_what_was_due() {
    let backups = tempfile::tempdir().unwrap();
    let mut site = Site::with(20.0, |_, settings| settings["backup"] = json!({ "folder": backups.path() })).await;
    site.start();
    site.sessions(1).await;
    let file = first_file(backups.path()).await;
    site.stop();
    let checked = verify(&*std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((checked.header.term.0, checked.end.counts.events), (1, 1));
    assert!(checked.end.counts.state >= 1, "at least its session");

    // What was written before the loss, and is due.
    let folder = tempfile::tempdir().unwrap();
    let old = filled(folder.path()).await;
    said(folder.path(), &["backup", "--store", &old, "--to", "relais.ndjson"]);
    let new = url(folder.path(), "new.db");
    said(folder.path(), &["restore", "--store", &new, "--from", "relais.ndjson"]);
    assert_eq!(open(&new).await.list("OUTBOX#", 9).await.unwrap().len(), 1);
    site.start_beside_on("cloud", &new);
    let store = open(&new).await;
    for _ in 0..3_000 {
        if store.list("OUTBOX#", 9).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.list("OUTBOX#", 9).await.unwrap().is_empty(), "what was due is taken up");
    let shown = site.discord.messages(CHANNEL);
    assert_eq!(shown.len(), 1);
    let text = shown[0].object["content"].as_str().unwrap();
    assert!(
        text.contains("milk") && text.contains("the bot was unavailable"),
        "it does not say that it is late: {text}"
    );
    assert_eq!(site.discord.tally().violations, 0, "{:?}", site.discord.violations());
    let lease = store.read_board().await.unwrap().lease.unwrap();
    assert_eq!((lease.holder.unwrap().site, lease.term.0), (Place::Cloud, 2 + TERMS_APART));
}

async fn first_file(folder: &Path) -> PathBuf {
    let find = || {
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|end| end == "ndjson"))
    };
    for _ in 0..3_000 {
        if find().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    find().unwrap()
}
