use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use relais_bot::{
    leadership::{Ending, Leadership, Signal, Terms, Voice},
    permit::{Permit, View},
    vitals::Vitals,
};
use relais_failover::{
    Fence, FenceReason, Incarnation, LeaseRecord, Node, Policy, SavedSession, Site, Timestamp, Version, WallClock,
};
use relais_host::clock::Clock;
use relais_store::{Faulty, LeaseStore as _, Memory};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(crate) const WALL: u64 = 1_790_000_000_000;

/// Follows tokio's (paused) time, and can be made to jump.
pub(crate) struct FakeClock {
    start: Instant,
    slept: AtomicU64,
    stepped: AtomicU64,
}

impl FakeClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), slept: AtomicU64::new(0), stepped: AtomicU64::new(0) })
    }

    /// A suspend that BOOTTIME counts.
    pub(crate) fn sleep(&self, span: Duration) {
        self.slept.fetch_add(span.as_millis() as u64, Relaxed);
    }

    /// A pause that only REALTIME shows.
    pub(crate) fn step(&self, span: Duration) {
        self.stepped.fetch_add(span.as_millis() as u64, Relaxed);
    }

    fn elapsed(&self) -> u64 {
        self.start.elapsed().as_millis() as u64 + self.slept.load(Relaxed)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000 + self.elapsed())
    }

    fn wall(&self) -> WallClock {
        WallClock(WALL + self.elapsed() + self.stepped.load(Relaxed))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Activate(Fence, Option<SavedSession>, bool),
    Drain,
    Silence(FenceReason),
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(pub(crate) Arc<Mutex<Vec<Order>>>);

impl Recorder {
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.0.lock().unwrap().clone()
    }
}

impl Voice for Recorder {
    fn activate(&mut self, fence: Fence, session: Option<SavedSession>, planned: bool) {
        self.0.lock().unwrap().push(Order::Activate(fence, session, planned));
    }

    fn drain(&mut self, _within: Duration) {
        self.0.lock().unwrap().push(Order::Drain);
    }

    fn silence(&mut self, reason: FenceReason) {
        self.0.lock().unwrap().push(Order::Silence(reason));
    }
}

/// A laptop with a recorder for a voice.
pub(crate) struct Laptop {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) store: Arc<Faulty<Memory>>,
    pub(crate) voice: Recorder,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) permit: Permit,
    pub(crate) signals: mpsc::UnboundedSender<Signal>,
    pub(crate) stop: CancellationToken,
    pub(crate) ending: JoinHandle<Ending>,
    pub(crate) policy: Policy,
}

pub(crate) async fn initialised() -> Arc<Faulty<Memory>> {
    let store = Memory::new();
    let ttl = Policy::embedded().ttl;
    store.init(&LeaseRecord::initial(Version::new(1), ttl, WallClock(WALL))).await.unwrap();
    Arc::new(Faulty::new(store))
}

impl Laptop {
    pub(crate) fn start(store: Arc<Faulty<Memory>>) -> Self {
        let (clock, policy) = (FakeClock::new(), Policy::embedded());
        let vitals = Arc::new(Vitals::default());
        let (view, seen) = watch::channel(View::initial(clock.wall()));
        let permit = Permit::new(seen, clock.clone(), Site::Laptop, false);
        let (signals, heard) = mpsc::unbounded_channel();
        let node = Node { site: Site::Laptop, incarnation: Incarnation::new(7), preferred: Site::Laptop };
        let terms = Terms { node, policy: policy.clone(), reckless: false, sees_jumps: true };
        let (voice, stop) = (Recorder::default(), CancellationToken::new());
        let leadership =
            Leadership::new(terms, clock.clone(), store.clone(), voice.clone(), vitals.clone(), view, heard);
        let ending = tokio::spawn(leadership.run(stop.clone()));
        Self { clock, store, voice, vitals, permit, signals, stop, ending, policy }
    }

    /// Waits, in paused time, until `what` holds; the gateway is well meanwhile.
    pub(crate) async fn until(&self, what: impl Fn(&Self) -> bool) {
        for _ in 0..20_000 {
            if what(self) {
                return;
            }
            self.beat();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("did not happen; orders so far: {:?}", self.voice.orders());
    }

    pub(crate) async fn pass(&self, span: Duration) {
        for _ in 0..span.as_millis() / 10 {
            self.beat();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn beat(&self) {
        self.turn();
        let now = self.clock.now();
        self.vitals.shards().iter().for_each(|shard| shard.acknowledged(now));
    }

    /// The gateway's task lives, whatever Discord does.
    pub(crate) fn turn(&self) {
        let now = self.clock.now();
        if self.vitals.shards().is_empty() {
            self.vitals.enter(NonZeroU32::MIN, now);
        }
        self.vitals.shards().iter().for_each(|shard| shard.turned(now));
    }

    pub(crate) async fn lease(&self) -> LeaseRecord {
        self.store.inner().read_board().await.unwrap().lease.unwrap()
    }
}
