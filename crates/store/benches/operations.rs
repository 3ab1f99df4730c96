//! Operations a second, in memory and in a SQLite file (one caller; durable at every acknowledgement).
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use relais_failover::{Claim, Incarnation, LeaseOp, LeaseRecord, Site, Version, WallClock};
use relais_store::{FencedWrite, Memory, OperationId, Sqlite, StateKey, Store, Write};
use tokio::runtime::Runtime;

const STORES: [&str; 2] = ["memory", "sqlite"];

fn main() {
    divan::main();
}

struct Scene {
    runtime: Runtime,
    store: Box<dyn Store>,
    held: LeaseRecord,
    next: u64,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new(kind: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        // Beside the build's output: a temporary folder may be in memory, where a flush costs nothing.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store: Box<dyn Store> = match kind {
            "memory" => Box::new(Memory::new()),
            _ => Box::new(Sqlite::open(&folder.path().join("state.db"), Duration::from_secs(1)).unwrap()),
        };
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(1) };
        let (expected, version) = (Version::new(0), Version::new(1));
        let acquire = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
        let held = runtime.block_on(async {
            let first = LeaseRecord::initial(expected, Duration::from_secs(30), WallClock(0));
            store.init(&first).await.unwrap();
            store.apply(&acquire).await.unwrap()
        });
        Self { runtime, store, held, next: 2, _folder: folder }
    }

    fn step(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[divan::bench(args = STORES, max_time = 2)]
fn renew(bencher: Bencher<'_, '_>, kind: &str) {
    let mut scene = Scene::new(kind);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let version = Version::new(u128::from(scene.step()));
        let (fence, expected) = (scene.held.fence().unwrap(), scene.held.version);
        let (ttl_ms, wall_hint) = (30_000, WallClock(0));
        let op = LeaseOp::Renew { fence, expected, version, ttl_ms, wall_hint, session: None };
        scene.held = scene.runtime.block_on(scene.store.apply(&op)).unwrap();
    });
}

#[divan::bench(args = STORES, max_time = 2)]
fn fenced_commit(bencher: Bencher<'_, '_>, kind: &str) {
    let mut scene = Scene::new(kind);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let n = scene.step();
        let tx = FencedWrite {
            fence: scene.held.fence().unwrap(),
            operation: OperationId::new(n.to_string()),
            writes: vec![Write::Put { key: StateKey::state(n % 1000), value: "a note of usual length".into() }],
        };
        scene.runtime.block_on(scene.store.commit(&tx)).unwrap()
    });
}

#[divan::bench(args = STORES, max_time = 2)]
fn read_board(bencher: Bencher<'_, '_>, kind: &str) {
    let scene = Scene::new(kind);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| scene.runtime.block_on(scene.store.read_board()).unwrap());
}
