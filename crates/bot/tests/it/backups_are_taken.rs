//! The holder's own backups: when they are taken, what stays in the folder, and what a failure costs.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use relais_bot::{
    backup::{Backups, Plan, write},
    permit::{Permit, View},
};
use relais_failover::{Claim, Fence, Incarnation, LeaseOp, Role, Site, Term, Timestamp, Version, WallClock};
use relais_store::{
    Faulty, FencedWrite, LeaseStore as _, Memory, OperationId, StateKey, StateStore as _, Write,
    archive::verify,
    faulty::{Call, Fault},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::support::{FakeClock, WALL, initialised};

const HOUR: Duration = Duration::from_secs(3600);
const SETTLED: Duration = Duration::from_secs(60);

/// A term on a store in memory, with a folder.
struct Holder {
    folder: tempfile::TempDir,
    store: Arc<Faulty<Memory>>,
    clock: Arc<FakeClock>,
    view: watch::Sender<View>,
    fence: Fence,
    task: Option<JoinHandle<()>>,
    closing: CancellationToken,
}

impl Holder {
    async fn new() -> Self {
        let (store, clock) = (initialised().await, FakeClock::new());
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(7) };
        let (expected, version) = (Version::new(1), Version::new(2));
        let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(WALL) };
        let fence = store.apply(&op).await.unwrap().fence().unwrap();
        let view = View {
            role: Role::Active,
            fence: Some(fence),
            begin_until: Some(Timestamp::from_millis(u64::MAX)),
            ..View::initial(WallClock(WALL))
        };
        let (view, _) = watch::channel(view);
        let folder = tempfile::tempdir().unwrap();
        Self { folder, store, clock, view, fence, task: None, closing: CancellationToken::new() }
    }

    fn begin(mut self, every_hours: u32, keep: usize) -> Self {
        let file = json!({ "folder": self.folder.path(), "every_hours": every_hours, "keep": keep });
        let plan = Plan::new(serde_json::from_value(file).unwrap()).unwrap();
        let permit = Permit::new(self.view.subscribe(), self.clock.clone(), Site::Laptop, false);
        let backups = Backups::new(plan, self.store.clone(), self.clock.clone(), permit, SETTLED);
        self.task = Some(tokio::spawn(backups.run(self.fence, self.closing.clone())));
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Waits, in paused time, until there are as many files.
    async fn until(&self, count: usize) {
        for _ in 0..10_000 {
            if self.names().iter().filter(|name| name.ends_with(".ndjson")).count() == count {
                return;
            }
            sleep(Duration::from_secs(5)).await;
        }
        panic!("it never had {count}: {:?}", self.names());
    }

    async fn write(&self, n: u64) {
        let put = Write::Put { key: StateKey::state(n), value: json!(n) };
        let operation = OperationId::new(n.to_string());
        self.store.commit(&FencedWrite { fence: self.fence, operation, writes: vec![put] }).await.unwrap();
    }
}

fn entries(path: &PathBuf) -> u64 {
    verify(&*fs::read(path).unwrap()).unwrap().end.counts.state
}

#[tokio::test(start_paused = true)]
async fn one_is_taken_every_so_often_and_the_oldest_go() {
    let term = Holder::new().await;
    fs::write(term.path().join("relais.db"), "not a backup").unwrap();
    let term = term.begin(6, 3);
    sleep(SETTLED - Duration::from_secs(1)).await;
    assert_eq!(term.names(), ["relais.db"], "not before the term has settled");
    for n in 1..=3 {
        term.until(n).await;
        term.write(n as u64).await;
    }
    let three = term.names();
    sleep(30 * HOUR).await;
    let later = term.names();
    assert_eq!((later.len(), later.last().unwrap().as_str()), (4, "relais.db"));
    assert!(later[0] > three[2], "all three went: {three:?}, {later:?}");
    let newest = term.path().join(&later[2]);
    assert_eq!(entries(&newest), 3);
    let header = verify(&*fs::read(&newest).unwrap()).unwrap().header;
    assert_eq!((header.site, header.term), (Some(Site::Laptop), Term(1)));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&newest).unwrap().permissions().mode() & 0o777, 0o600, "it has what users wrote");
}

#[tokio::test(start_paused = true)]
async fn a_site_goes_on_from_its_own_newest_file() {
    let term = Holder::new().await.begin(6, 3);
    term.until(1).await;
    term.closing.cancel();
    let first = term.names();
    // Another term of this site, an hour later.
    sleep(HOUR).await;
    let term = Holder { closing: CancellationToken::new(), ..term }.begin(6, 3);
    sleep(4 * HOUR).await;
    assert_eq!(term.names(), first, "five hours after the first none is due");
    sleep(2 * HOUR).await;
    assert_eq!(term.names().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_laptop_that_slept_is_late_and_not_forgetful() {
    let term = Holder::new().await.begin(24, 3);
    term.until(1).await;
    term.clock.sleep(30 * HOUR);
    sleep(Duration::from_secs(61)).await;
    term.until(2).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_without_the_lease_and_nothing_is_left_of_what_its_end_cut_off() {
    let term = Holder::new().await;
    term.view.send_modify(|view| view.begin_until = None);
    let term = term.begin(1, 3);
    sleep(5 * HOUR).await;
    assert_eq!(term.names(), [""; 0]);
    // The term ends in the middle of a copy that the store is slow to begin.
    term.store.next(Call::Copy, Fault::Slow(HOUR));
    term.view.send_modify(|view| view.begin_until = Some(Timestamp::from_millis(u64::MAX)));
    for _ in 0..10_000 {
        if !term.names().is_empty() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(term.names()[0].ends_with(".ndjson.part"), "{:?}", term.names());
    term.closing.cancel();
    let Holder { task, folder, .. } = term;
    task.unwrap().await.unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_costs_a_try_and_no_older_backup() {
    let term = Holder::new().await.begin(1, 2);
    term.until(2).await;
    let before = term.names();
    for _ in 0..3 {
        term.store.next(Call::Copy, Fault::Unavailable);
    }
    sleep(HOUR + Duration::from_secs(120)).await;
    let during = term.names();
    assert_eq!(during, before, "one was due, and none was taken");
    sleep(HOUR).await;
    let after = term.names();
    assert_eq!(after.len(), 2);
    assert!(after[0] == before[1] && after[1] > before[1], "it is tried again: {before:?}, {after:?}");
    assert!(!term.task.as_ref().unwrap().is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_goes_away_or_is_full_is_tried_again_and_hurts_nothing_else() {
    let term = Holder::new().await.begin(1, 2);
    term.until(1).await;
    let away = term.path().with_extension("away");
    fs::rename(term.path(), &away).unwrap();
    sleep(3 * HOUR).await;
    assert!(!term.task.as_ref().unwrap().is_finished(), "the errand goes on");
    term.write(1).await;
    fs::rename(&away, term.path()).unwrap();
    term.until(2).await;
    let newest = term.path().join(term.names().last().unwrap());
    assert_eq!(entries(&newest), 1);
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing() {
    let term = Holder::new().await;
    term.write(1).await;
    let path = term.path().join("relais-20261126T111702Z-t1.ndjson");
    // Whatever is written under the name that it has until it is whole meets a full disk.
    std::os::unix::fs::symlink("/dev/full", term.path().join("relais-20261126T111702Z-t1.ndjson.part")).unwrap();
    let error = write(&*term.store, &path, WallClock(WALL), &mut |_| ()).await.unwrap_err();
    let said = format!("{:#}", anyhow::Error::from(error));
    assert!(said.contains("relais-20261126T111702Z-t1.ndjson") && said.contains("No space left on device"), "{said}");
    assert_eq!(term.names(), [""; 0]);
    write(&*term.store, &path, WallClock(WALL), &mut |_| ()).await.unwrap();
    assert_eq!(entries(&path), 1);
}

/// A child that ends with its test.
struct Bot(std::process::Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_site_shows_its_newest_backup_from_the_start_also_without_the_lease() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("relais-20261126T111702Z-t37.ndjson"), "x".repeat(1234)).unwrap();
    fs::write(path("relais-20261125T111702Z-t99.ndjson"), "older").unwrap();
    fs::write(path("token"), "not-a-token").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = json!({
        "site": "laptop", "store": format!("sqlite:{}", path("state.db").display()), "listen": free.to_string(),
        "discord": { "token_file": path("token"), "rest_base": "http://127.0.0.1:9", "application_id": "1" },
        "backup": { "folder": folder.path(), "every_hours": 6 },
    });
    fs::write(path("bot.json"), settings.to_string()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_relais-bot"));
    let _bot = Bot(command.arg("--config").arg(path("bot.json")).stderr(std::process::Stdio::null()).spawn().unwrap());
    let client = relais_host::http::Client::new(Duration::from_secs(5), 1 << 20);
    let mut page = String::new();
    for _ in 0..1_000 {
        if let Ok(answer) = client.get(&format!("http://{free}/metrics")).await {
            page = String::from_utf8(answer.body.to_vec()).unwrap();
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    for line in [
        "backup_last_success_timestamp_seconds 1795691822",
        "backup_bytes 1234",
        "backup_every_seconds 21600",
        "backup_failures_total 0",
    ] {
        assert!(page.lines().any(|shown| shown == line), "no {line} in\n{page}");
    }
}
