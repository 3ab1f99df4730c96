//! The real tick on the real adapter: what people are told of each error, and what of it is spent.

use std::sync::Mutex;

use async_trait::async_trait;
use relais_ec2::{Ec2Standby, Market};
use relais_failover::decide::Alert;
use relais_failover::sighting::{Failure, ProbeSight};
use relais_failover::{Claim, Incarnation, LeaseOp, LeaseRecord, Policy, Site, Timestamp, Version, WallClock};
use relais_store::{LeaseStore as _, Memory as MemoryStore};
use relais_watchdog::tick::Outcome;
use relais_watchdog::{AlertPort, Memory, Ports, Probe, StandbyError, TickReport, tick};

use crate::little_ec2::{Answer, LittleEc2, launch};

use Answer::{Lost, No, Yes};

/// A lease that the laptop held and does not renew, and a probe that finds nobody.
pub(crate) struct Gone {
    pub(crate) store: MemoryStore,
    pub(crate) told: Mutex<Vec<Alert>>,
    pub(crate) policy: Policy,
}

#[async_trait]
impl Probe for Gone {
    async fn probe(&self) -> ProbeSight {
        ProbeSight::Unreachable(Failure::Tcp)
    }
}

#[async_trait]
impl AlertPort for Gone {
    async fn alert(&self, alert: Alert) {
        self.told.lock().unwrap().push(alert);
    }
}

impl Gone {
    pub(crate) async fn laptop() -> Self {
        let gone = Self { store: MemoryStore::new(), told: Mutex::default(), policy: Policy::embedded() };
        gone.store.init(&LeaseRecord::initial(Version::new(0), gone.policy.ttl, WallClock(0))).await.unwrap();
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(1) };
        let (expected, version) = (Version::new(0), Version::new(1));
        let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
        gone.store.apply(&op).await.unwrap();
        gone
    }

    pub(crate) async fn look(&self, standby: &Ec2Standby, memory: &Memory, at_s: u64) -> TickReport {
        let ports = Ports { store: &self.store, probe: self, standby, alert: self, memory, dry_run: false };
        tick(&ports, &self.policy, Timestamp::from_millis(1_700_000_000_000 + at_s * 1000)).await
    }

    /// Looks until the failure is confirmed, just before anything is started.
    pub(crate) async fn confirmed(&self, standby: &Ec2Standby, memory: &Memory) {
        for at_s in [0, 3, 6, 9] {
            assert_eq!(self.look(standby, memory, at_s).await.outcome, Outcome::Idle, "{at_s} s");
        }
    }

    async fn starts_spent(&self) -> usize {
        self.store.read_watch().await.unwrap().unwrap().starts.len()
    }
}

#[tokio::test]
async fn each_error_is_told_and_spends_what_it_should() {
    let no_capacity = vec![No(500, "InsufficientInstanceCapacity"); 8];
    for (what, answers, alert, spent) in [
        ("given", vec![Yes], None, 1),
        ("somebody else did it", vec![No(400, "IncorrectInstanceState")], None, 0),
        ("no capacity", no_capacity, Some(Alert::NoCapacity), 0),
        ("throttled", vec![No(503, "RequestLimitExceeded"); 3], Some(Alert::StandbyUnavailable), 0),
        ("not allowed", vec![No(403, "UnauthorizedOperation")], Some(Alert::NotAllowed), 0),
        ("a limit", vec![No(400, "InstanceLimitExceeded")], Some(Alert::NotAllowed), 0),
        ("something else", vec![No(400, "InvalidAMIID.NotFound")], Some(Alert::StandbyUnavailable), 0),
        ("no answer", vec![Lost, Lost], Some(Alert::StandbyUnavailable), 1),
    ] {
        let (gone, ec2, memory) = (Gone::laptop().await, LittleEc2::start().await, Memory::default());
        let standby = ec2.standby(launch(Market::OnDemand));
        gone.confirmed(&standby, &memory).await;
        gone.told.lock().unwrap().clear();
        ec2.script(&answers);
        let report = gone.look(&standby, &memory, 12).await;
        assert_eq!(report.outcome == Outcome::Done, what == "given", "{what}: {report:?}");
        let told = gone.told.lock().unwrap().clone();
        assert_eq!(told.iter().find(|told| Some(**told) == alert), alert.as_ref(), "{what}: {told:?}");
        for other in [Alert::NoCapacity, Alert::NotAllowed, Alert::StandbyUnavailable] {
            assert!(Some(other) == alert || !told.contains(&other), "{what}: {told:?}");
        }
        assert_eq!(gone.starts_spent().await, spent, "{what}");
    }
}

#[tokio::test]
async fn a_page_is_a_page() {
    assert!(Alert::NotAllowed.pages());
    assert!(!Alert::StandbyUnavailable.pages());
}

#[tokio::test]
async fn an_unanswered_start_is_sent_again_under_its_token() {
    let (gone, ec2, memory) = (Gone::laptop().await, LittleEc2::start().await, Memory::default());
    let standby = ec2.standby(launch(Market::OnDemand));
    gone.confirmed(&standby, &memory).await;
    ec2.script(&[Lost, Lost]);
    let report = gone.look(&standby, &memory, 12).await;
    assert!(matches!(report.outcome, Outcome::Failed(StandbyError::Unanswered(_))), "{report:?}");
    // EC2 does not show it yet.
    ec2.with(|account| account.instances[0].project = "not yet");
    assert_eq!(gone.look(&standby, &memory, 15).await.outcome, Outcome::Done);
    let calls = ec2.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
    assert_eq!(ec2.with(|account| account.instances.len()), 1);
}
