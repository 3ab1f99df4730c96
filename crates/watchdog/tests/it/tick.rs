//! One tick and what it leaves behind: the same sighting never acts twice, a failure to look never acts at all.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::act::{Action, InstanceState};
use relais_failover::decide::Alert;
use relais_failover::sighting::{Failure, ProbeSight};
use relais_failover::{Claim, Incarnation, LeaseOp, LeaseRecord, Policy, Site, Timestamp, Version, WallClock};
use relais_store::{LeaseStore as _, Memory as MemoryStore};
use relais_watchdog::tick::Outcome;
use relais_watchdog::{AlertPort, Machine, MachineId, Memory, Ports, Probe, Standby, StandbyError, TickReport, tick};

const DOWN: ProbeSight = ProbeSight::Unreachable(Failure::Tcp);

struct World {
    store: MemoryStore,
    probe: Mutex<ProbeSight>,
    standby: Mutex<Fleet>,
    alerts: Mutex<Vec<Alert>>,
    memory: Memory,
    policy: Policy,
    versions: Mutex<u128>,
}

#[derive(Default)]
struct Fleet {
    state: Option<InstanceState>,
    running_for: Duration,
    tokens: BTreeSet<String>,
    starts: usize,
    stops: usize,
    refuse: Option<StandbyError>,
}

#[async_trait]
impl Probe for World {
    async fn probe(&self) -> ProbeSight {
        *self.probe.lock().unwrap()
    }
}

#[async_trait]
impl Standby for World {
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError> {
        let fleet = self.standby.lock().unwrap();
        let machine = |state| Machine { id: MachineId("m".into()), state, launched_for: fleet.running_for };
        Ok(fleet.state.map(machine).into_iter().collect())
    }

    async fn start(&self, token: &str) -> Result<(), StandbyError> {
        // Other ticks get in between: an overlap must be harmless here too.
        tokio::task::yield_now().await;
        let mut fleet = self.standby.lock().unwrap();
        if let Some(error) = fleet.refuse.clone() {
            return Err(error);
        }
        if fleet.tokens.insert(token.to_owned()) {
            fleet.starts += 1;
            fleet.state = Some(InstanceState::Pending);
        }
        Ok(())
    }

    async fn stop(&self, _: &MachineId) -> Result<(), StandbyError> {
        let mut fleet = self.standby.lock().unwrap();
        fleet.stops += 1;
        fleet.state = Some(InstanceState::Stopping);
        Ok(())
    }
}

#[async_trait]
impl AlertPort for World {
    async fn alert(&self, alert: Alert) {
        self.alerts.lock().unwrap().push(alert);
    }
}

impl World {
    async fn with_lease() -> Self {
        let world = Self::without_lease();
        let policy = &world.policy;
        world.store.init(&LeaseRecord::initial(Version::new(0), policy.ttl, WallClock(0))).await.unwrap();
        world
    }

    fn without_lease() -> Self {
        Self {
            store: MemoryStore::new(),
            probe: Mutex::new(ProbeSight::Ok),
            standby: Mutex::default(),
            alerts: Mutex::default(),
            memory: Memory::default(),
            policy: Policy::embedded(),
            versions: Mutex::new(0),
        }
    }

    fn version(&self) -> Version {
        let mut versions = self.versions.lock().unwrap();
        *versions += 1;
        Version::new(*versions)
    }

    async fn acquire(&self, site: Site) {
        let lease = self.store.read_board().await.unwrap().lease.unwrap();
        let claim = Claim { site, incarnation: Incarnation::new(1) };
        let (expected, version) = (lease.version, self.version());
        let op = LeaseOp::AcquireStale { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
        self.store.apply(&op).await.unwrap();
    }

    async fn renew(&self) {
        let lease = self.store.read_board().await.unwrap().lease.unwrap();
        let (fence, expected, version) = (lease.fence().unwrap(), lease.version, self.version());
        let op = LeaseOp::Renew { fence, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0), session: None };
        self.store.apply(&op).await.unwrap();
    }

    fn probes(&self, sight: ProbeSight) {
        *self.probe.lock().unwrap() = sight;
    }

    fn ports(&self, dry_run: bool) -> Ports<'_> {
        Ports { store: &self.store, probe: self, standby: self, alert: self, memory: &self.memory, dry_run }
    }

    async fn look(&self, second: u64) -> TickReport {
        tick(&self.ports(false), &self.policy, Timestamp::from_millis(second * 1000)).await
    }

    fn starts(&self) -> usize {
        self.standby.lock().unwrap().starts
    }
}

/// A laptop that died at second 1.
async fn crashed() -> World {
    let world = World::with_lease().await;
    world.acquire(Site::Laptop).await;
    world.look(0).await;
    world.probes(DOWN);
    world
}

#[tokio::test]
async fn a_dead_laptop_is_replaced_as_soon_as_it_is_confirmed_and_once() {
    let world = crashed().await;
    for second in [5, 8, 11] {
        assert_eq!(world.look(second).await.action, Action::Nothing, "second {second}");
    }
    let look = world.look(14).await;
    assert_eq!((look.action, look.outcome), (Action::Launch, Outcome::Done));
    assert_eq!(world.look(17).await.action, Action::Wait);
    assert_eq!(world.starts(), 1);
}

#[tokio::test]
async fn looks_are_quick_while_a_failure_waits_for_confirmation() {
    let world = crashed().await;
    assert_eq!(world.look(5).await.next_look, world.policy.confirm_probe_every);
    world.probes(ProbeSight::Ok);
    world.renew().await;
    assert_eq!(world.look(8).await.next_look, world.policy.probe_every);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_overlapping_deliveries_start_once() {
    let world = crashed().await;
    for second in [5, 8, 11] {
        world.look(second).await;
    }
    futures_util::future::join_all((0..100).map(|_| world.look(14))).await;
    assert_eq!(world.starts(), 1);
    let watch = world.store.read_watch().await.unwrap().unwrap();
    assert_eq!(watch.starts.len(), 1, "and one start is spent");
}

#[tokio::test]
async fn a_tick_that_died_between_writing_and_starting_is_made_good_by_the_next_one() {
    let world = crashed().await;
    for second in [5, 8, 11] {
        world.look(second).await;
    }
    // What the tick at second 14 would have written before it died.
    let mut watch = world.store.read_watch().await.unwrap().unwrap();
    let expected = Some(watch.revision);
    watch.revision += 1;
    watch.remember(Action::Launch, &world.policy, Timestamp::from_millis(14_000));
    world.store.write_watch(&watch, expected).await.unwrap();
    assert_eq!(world.look(17).await.outcome, Outcome::Done);
    let tokens = world.standby.lock().unwrap().tokens.clone();
    assert_eq!(tokens, BTreeSet::from([watch.start_token()]), "the same start, not a second one");
}

#[tokio::test]
async fn a_public_path_that_is_down_beside_a_living_bot_starts_nothing_and_is_told_once() {
    let world = World::with_lease().await;
    world.acquire(Site::Laptop).await;
    world.probes(DOWN);
    for second in (0..300).step_by(5) {
        world.renew().await;
        world.look(second).await;
    }
    assert_eq!(world.starts(), 0);
    assert_eq!(*world.alerts.lock().unwrap(), [Alert::PublicPathDown]);
}

#[tokio::test]
async fn no_capacity_is_told_tried_again_and_spends_no_start() {
    let world = crashed().await;
    world.standby.lock().unwrap().refuse = Some(StandbyError::InsufficientCapacity);
    for second in (5..200).step_by(3) {
        world.look(second).await;
    }
    assert_eq!(world.starts(), 0);
    assert!(world.alerts.lock().unwrap().contains(&Alert::NoCapacity));
    world.standby.lock().unwrap().refuse = None;
    assert_eq!(world.look(203).await.outcome, Outcome::Done);
    let watch = world.store.read_watch().await.unwrap().unwrap();
    assert_eq!(watch.starts.len(), 1, "only the start that happened is spent");
}

#[tokio::test]
async fn refusals_of_the_account_page() {
    for error in [StandbyError::Unauthorized, StandbyError::LimitExceeded] {
        let world = crashed().await;
        world.standby.lock().unwrap().refuse = Some(error.clone());
        for second in [5, 8, 11, 14] {
            world.look(second).await;
        }
        assert!(world.alerts.lock().unwrap().contains(&Alert::NotAllowed), "{error}");
    }
}

#[tokio::test]
async fn a_missing_lease_pages_and_switches_nothing() {
    let world = World::without_lease();
    world.probes(DOWN);
    for second in (0..120).step_by(5) {
        world.look(second).await;
    }
    assert_eq!(world.starts(), 0);
    assert_eq!(*world.alerts.lock().unwrap(), [Alert::LeaseMissing]);
}

#[tokio::test]
async fn the_cloud_stops_only_after_two_renewals_at_home_and_its_least_run() {
    let world = World::with_lease().await;
    world.acquire(Site::Cloud).await;
    {
        let mut fleet = world.standby.lock().unwrap();
        fleet.state = Some(InstanceState::Running);
        fleet.running_for = Duration::from_secs(60);
    }
    world.look(0).await;
    world.acquire(Site::Laptop).await;
    assert_eq!(world.look(5).await.action, Action::Nothing, "no renewal yet");
    for second in [10, 15, 20] {
        world.renew().await;
        assert_eq!(world.look(second).await.action, Action::Nothing, "the least run is not over");
    }
    world.standby.lock().unwrap().running_for = Duration::from_secs(600);
    world.renew().await;
    assert_eq!(world.look(25).await.action, Action::Stop);
    assert_eq!(world.standby.lock().unwrap().stops, 1);
}

#[tokio::test]
async fn a_dry_run_tells_and_leaves_everything_as_it_is() {
    let world = crashed().await;
    for second in [5, 8, 11] {
        world.look(second).await;
    }
    let before = world.store.read_watch().await.unwrap();
    let look = tick(&world.ports(true), &world.policy, Timestamp::from_millis(14_000)).await;
    assert_eq!((look.action, look.outcome), (Action::Launch, Outcome::DryRun));
    assert_eq!(world.starts(), 0);
    assert_eq!(world.store.read_watch().await.unwrap(), before);
}
