//! The loop against fakes, in time that only the test lets pass.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::{
    Claim, ControlMode, Incarnation, LeaseOp, LeaseRecord, Policy, Site, Timestamp, Version, WallClock,
};
use relais_handover::bot::Bot;
use relais_handover::logind::{Locks, Logind, LogindError, Signal};
use relais_handover::shell::{self, Ports};
use relais_handover::{Cause, Terms, Told};
use relais_host::clock::Clock;
use relais_store::faulty::{Call, Fault};
use relais_store::{Faulty, LeaseStore as _, Memory};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::play::WALL;

struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000 + self.0.elapsed().as_millis() as u64)
    }

    fn wall(&self) -> WallClock {
        WallClock(WALL + self.0.elapsed().as_millis() as u64)
    }
}

/// Its other ends of the locks, the newest last.
#[derive(Default)]
struct FakeLogind {
    held: Mutex<Vec<UnixStream>>,
    preparing: Option<Cause>,
    refuses: AtomicBool,
    asked: AtomicUsize,
}

impl FakeLogind {
    /// How many locks are held.
    fn held(&self) -> usize {
        let mut held = self.held.lock().unwrap();
        // A closed lock reads as its end; a held one has nothing to read.
        held.retain_mut(|end| end.read(&mut [0]).is_err());
        held.len()
    }
}

#[async_trait]
impl Logind for FakeLogind {
    async fn inhibit(&self) -> Result<Locks, LogindError> {
        self.asked.fetch_add(1, SeqCst);
        if self.preparing.is_some() {
            return Err(LogindError::TooLate);
        }
        if self.refuses.load(SeqCst) {
            return Err(LogindError::Timeout("a lock"));
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        self.held.lock().unwrap().push(ours);
        Ok(Locks::new(vec![theirs.into()]))
    }

    async fn patience(&self) -> Result<Duration, LogindError> {
        Ok(Duration::from_secs(90))
    }

    async fn preparing(&self) -> Result<Option<Cause>, LogindError> {
        Ok(self.preparing)
    }
}

/// A bot that gives the lease away when it is told to, or that never answers.
struct FakeBot {
    store: Arc<Faulty<Memory>>,
    hangs: bool,
    told: AtomicUsize,
}

#[async_trait]
impl Bot for FakeBot {
    async fn holds(&self) -> Option<bool> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Some(true)
    }

    async fn give_away(&self) -> Told {
        self.told.fetch_add(1, SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let lease = self.store.inner().read_board().await.unwrap().lease.unwrap();
        let (fence, expected) = (lease.fence().unwrap(), lease.version);
        let (version, wall_hint) = (Version::new(8), WallClock(0));
        let offer = LeaseOp::Offer { fence, expected, version, to: Site::Cloud, wall_hint, session: None };
        self.store.inner().apply(&offer).await.unwrap();
        Told::Begun
    }
}

struct Scene {
    logind: Arc<FakeLogind>,
    bot: Arc<FakeBot>,
    store: Arc<Faulty<Memory>>,
    signals: Option<mpsc::UnboundedSender<Signal>>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Scene {
    /// The laptop holds the lease; `hangs`: its bot never answers.
    async fn start(logind: FakeLogind, hangs: bool) -> Self {
        let store = Arc::new(Faulty::new(Memory::new()));
        let mut lease = LeaseRecord::initial(Version::new(1), Duration::from_secs(30), WallClock(WALL));
        lease.holder = Some(Claim { site: Site::Laptop, incarnation: Incarnation::new(1) });
        store.init(&lease).await.unwrap();
        let logind = Arc::new(logind);
        let bot = Arc::new(FakeBot { store: store.clone(), hangs, told: AtomicUsize::new(0) });
        let clock = Arc::new(Paused(Instant::now()));
        let ports = Ports { logind: logind.clone(), bot: bot.clone(), store: store.clone(), clock };
        let (signals, heard) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let terms = Terms { site: Site::Laptop, policy: Policy::embedded() };
        let running = tokio::spawn(shell::run(ports, terms, UnboundedReceiverStream::new(heard), stop.clone()));
        sleep(Duration::from_millis(10)).await;
        Self { logind, bot, store, signals: Some(signals), stop, running }
    }

    fn tell(&self, signal: Signal) {
        self.signals.as_ref().unwrap().send(signal).unwrap();
    }

    /// Milliseconds until no lock is held.
    async fn let_go_after(&self) -> u128 {
        let began = Instant::now();
        while self.logind.held() > 0 {
            assert!(began.elapsed() < Duration::from_secs(600), "the machine never sleeps");
            sleep(Duration::from_millis(10)).await;
        }
        began.elapsed().as_millis()
    }

    async fn mode(&self) -> Option<ControlMode> {
        self.store.inner().read_board().await.unwrap().control.map(|record| record.mode)
    }
}

#[tokio::test(start_paused = true)]
async fn the_cloud_comes_and_the_machine_sleeps_and_wakes() {
    let scene = Scene::start(FakeLogind::default(), false).await;
    assert_eq!(scene.logind.held(), 1);
    scene.tell(Signal::Announced(Cause::Sleep));
    sleep(Duration::from_secs(20)).await;
    assert_eq!((scene.mode().await, scene.logind.held()), (Some(ControlMode::ForceCloud), 1));
    // The cloud's bot asks, this one gives, that one takes.
    assert_eq!(scene.bot.give_away().await, Told::Begun);
    assert!(scene.let_go_after().await <= 600);
    sleep(Duration::from_secs(300)).await;
    scene.tell(Signal::Back(Cause::Sleep));
    sleep(Duration::from_secs(1)).await;
    assert_eq!((scene.mode().await, scene.logind.held()), (Some(ControlMode::Auto), 1));
}

#[tokio::test(start_paused = true)]
async fn no_cloud_comes_and_the_lease_is_given_away_in_time() {
    let scene = Scene::start(FakeLogind::default(), false).await;
    scene.tell(Signal::Announced(Cause::Shutdown));
    // Nobody renews this lease, which is told apart after 25 s.
    let after = scene.let_go_after().await;
    assert!((25_000..26_000).contains(&after), "{after}");
    assert_eq!(scene.bot.told.load(SeqCst), 1);
    let lease = scene.store.inner().read_board().await.unwrap().lease.unwrap();
    assert_eq!((lease.holder, lease.offer), (None, Some(Site::Cloud)));
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_the_machine_sleeps_before_logind_loses_patience() {
    for faults in [[Fault::Slow(Duration::from_secs(3600)); 100], [Fault::SlowAnswer(Duration::from_secs(3600)); 100]] {
        let scene = Scene::start(FakeLogind::default(), true).await;
        for fault in faults {
            scene.store.next(Call::ReadBoard, fault);
            scene.store.next(Call::ReplaceControl, fault);
        }
        scene.tell(Signal::Announced(Cause::Sleep));
        let after = scene.let_go_after().await;
        assert!((25_000..90_000).contains(&after), "{after}");
        assert!(scene.bot.told.load(SeqCst) >= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_cut_in_the_middle_does_not_hold_the_machine() {
    let scene = Scene::start(FakeLogind::default(), true).await;
    scene.tell(Signal::Announced(Cause::Sleep));
    sleep(Duration::from_secs(1)).await;
    scene.store.cut(true);
    let after = scene.let_go_after().await;
    assert!((24_000..89_000).contains(&after), "{after}");
    scene.tell(Signal::Back(Cause::Sleep));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.mode().await, Some(ControlMode::ForceCloud), "not reachable yet");
    scene.store.cut(false);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(scene.mode().await, Some(ControlMode::Auto));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_comes_too_late_still_gives_the_lease_away() {
    let scene = Scene::start(FakeLogind { preparing: Some(Cause::Sleep), ..FakeLogind::default() }, false).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!((scene.bot.told.load(SeqCst), scene.logind.held()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_logind_that_was_restarted_has_new_locks_and_never_none() {
    let scene = Scene::start(FakeLogind::default(), false).await;
    scene.tell(Signal::Restarted);
    sleep(Duration::from_millis(50)).await;
    assert_eq!((scene.logind.asked.load(SeqCst), scene.logind.held()), (2, 1));
    scene.logind.refuses.store(true, SeqCst);
    scene.tell(Signal::Restarted);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.logind.held(), 1, "the old one may still count");
}

#[tokio::test(start_paused = true)]
async fn without_its_first_locks_it_does_not_start() {
    let logind = FakeLogind::default();
    logind.refuses.store(true, SeqCst);
    let scene = Scene::start(logind, false).await;
    let error = scene.running.await.unwrap().unwrap_err();
    assert_eq!(format!("{error:#}"), "start: hear from logind about a lock in time");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_gone_ends_it_with_a_failure() {
    let mut scene = Scene::start(FakeLogind::default(), false).await;
    scene.signals = None;
    let error = scene.running.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the system bus is gone");
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_machine_go() {
    let scene = Scene::start(FakeLogind::default(), true).await;
    scene.tell(Signal::Announced(Cause::Shutdown));
    sleep(Duration::from_secs(1)).await;
    scene.stop.cancel();
    scene.running.await.unwrap().unwrap();
    assert_eq!(scene.logind.held(), 0);
}
