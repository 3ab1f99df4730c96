//! What was acknowledged is there: after reopening, after a kill, and between processes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use relais_failover::Site;
use relais_store::{EventLog as _, LeaseError, LeaseStore, Sqlite, StateKey, StateStore, Write};

use crate::builders::{claim, event, held, put, take_over, value, write};

const LONG: Duration = Duration::from_secs(10);

/// The file for the child of [`acknowledged_commits_survive_a_kill`].
const FILE: &str = "RELAIS_STORE_TEST_FILE";

#[tokio::test]
async fn everything_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Sqlite::open(&path, LONG).unwrap();
    let now = held(&store).await;
    let tx = write(&now, "op", vec![put("a", 1), Write::AppendEvent(event(1))]);
    store.commit(&tx).await.unwrap();
    let board = store.read_board().await.unwrap();
    drop(store);
    let store = Sqlite::open(&path, LONG).unwrap();
    assert_eq!(store.read_board().await.unwrap(), board);
    assert_eq!(value(&store, "a").await, Some(1.into()));
    assert_eq!(store.recent(9).await.unwrap(), [event(1)]);
    assert_eq!(store.commit(&tx).await.unwrap(), relais_store::Committed::Repeated);
}

#[tokio::test]
async fn two_openers_of_one_file_see_each_other_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (one, two) = (Sqlite::open(&path, LONG).unwrap(), Sqlite::open(&path, LONG).unwrap());
    let now = held(&one).await;
    assert_eq!(two.read_board().await.unwrap().lease.as_ref(), Some(&now));
    let new = two.apply(&take_over(claim(Site::Cloud, 2), &now)).await.unwrap();
    assert_eq!(one.read_board().await.unwrap().lease, Some(new));
    one.commit(&write(&now, "late", vec![put("a", 1)])).await.unwrap_err();
    let again = one.apply(&take_over(claim(Site::Laptop, 3), &now)).await.unwrap_err();
    assert!(matches!(again, LeaseError::Refused(_)), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn acquirers_through_several_openers_have_one_winner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let stores: Vec<_> = (0..5).map(|_| Arc::new(Sqlite::open(&path, LONG).unwrap())).collect();
    let mut now = held(&*stores[0]).await;
    for round in 0..20 {
        let racers: Vec<_> = stores
            .iter()
            .map(|store| {
                let (store, op) = (Arc::clone(store), take_over(claim(Site::Cloud, 10 + round), &now));
                tokio::spawn(async move { store.apply(&op).await })
            })
            .collect();
        let mut won = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                Ok(record) => won.push(record),
                Err(error) => assert!(matches!(error, LeaseError::Refused(_)), "{error}"),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(won[0].term, now.term.next());
        now = won.remove(0);
    }
}

/// Not a test by itself: the process that [`acknowledged_commits_survive_a_kill`] starts and kills.
#[tokio::test]
async fn child_that_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = Sqlite::open(Path::new(&path), LONG).unwrap();
    let now = store.read_board().await.unwrap().lease.unwrap();
    let pid = std::process::id();
    for n in 0_u64.. {
        let name = format!("{pid}#{n}");
        let writes = vec![put(&name, n), put(&format!("pair#{name}"), "x".repeat(2000)), put(&pid.to_string(), n)];
        store.commit(&write(&now, &name, writes)).await.unwrap();
        // Straight to the pipe: what the parent reads was acknowledged before.
        writeln!(std::io::stdout(), "\nacknowledged {name}").unwrap();
    }
}

#[tokio::test]
async fn acknowledged_commits_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    held(&Sqlite::open(&path, LONG).unwrap()).await;
    for wanted in [1, 40, 150] {
        let mut child = start_child(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledged: Vec<String> = lines.by_ref().filter_map(name).take(wanted).collect();
        child.kill().unwrap();
        acknowledged.extend(lines.filter_map(name));
        child.wait().unwrap();
        assert!(acknowledged.len() >= wanted, "the child ended by itself");
        let store = Sqlite::open(&path, LONG).unwrap();
        for name in &acknowledged {
            assert!(value(&store, name).await.is_some(), "{name} was acknowledged and is lost");
        }
        // At most one more, whose answer the kill swallowed; and no transaction is there by half.
        let items = store.list(&StateKey::state(format!("{}#", child.id())).to_string(), usize::MAX).await.unwrap();
        assert!(items.len() - acknowledged.len() <= 1, "{} of {}", items.len(), acknowledged.len());
        for item in items {
            let name = item.key.as_str().strip_prefix("STATE#").unwrap();
            assert!(value(&store, &format!("pair#{name}")).await.is_some(), "{name} is there by half");
        }
    }
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["durability::child_that_commits_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn name(line: String) -> Option<String> {
    line.strip_prefix("acknowledged ").map(str::to_owned)
}
