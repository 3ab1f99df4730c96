//! A cloud account as the place of a scene: its store instead of the rehearsal's, its machines instead of the small EC2's,
//! and its own watchdog. What is here only looks: at the lease, and at the machines, whose processes it starts and ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use relais_failover::act::InstanceState;
use relais_failover::{ControlMode, LeaseRecord, Version};
use relais_host::clock::{self, Boottime, Clock as _};
use relais_store::{Store, StoreError};
use relais_watchdog::{MachineId, Standby};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::machine::BOOT;
use super::stage::Stage;
use super::watching;
use crate::ec2::{Ec2Entry, Ec2Event, MachineEnd, MachineHooks};
use crate::pace::Pace;

/// How often the lease is looked at, real time: often enough to miss no change, seldom enough not to be a load.
const LOOK: Duration = Duration::from_millis(100);
/// The same of the machines.
const LOOK_AT_MACHINES: Duration = Duration::from_millis(250);
/// How long a first site may take to be well, protocol seconds.
const WELL: u64 = 120;

/// A cloud account that is there already.
pub struct Account {
    /// Its table, reached with the rehearsal's own rights.
    pub store: Arc<dyn Store>,
    /// The same as the sites' settings name it.
    pub store_url: String,
    /// Looks at its machines; nothing is switched through it.
    pub standby: Arc<dyn Standby>,
    /// Where its watchdog looks for the laptop's health.
    pub public: SocketAddr,
    /// The key with which it verifies the answers.
    pub health_key: String,
}

/// The machines of an account, and the processes that would run on them.
pub(super) struct Mirror {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    states: BTreeMap<MachineId, InstanceState>,
    log: Vec<Ec2Entry>,
}

impl Mirror {
    /// Looks until `over`; the cloud node's processes live and die with the machines.
    pub(super) fn start(
        standby: &Arc<dyn Standby>,
        hooks: Arc<dyn MachineHooks>,
        pace: Pace,
        over: CancellationToken,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (standby, kept) = (Arc::clone(standby), Arc::clone(&seen));
        tokio::spawn(async move {
            while !over.is_cancelled() {
                // A look that fails says nothing; the next one comes at once.
                if let Ok(machines) = standby.describe().await {
                    let now = machines.into_iter().map(|machine| (machine.id, machine.state)).collect();
                    for (machine, what) in lock(&kept).change_to(now) {
                        follow(&kept, &hooks, pace, machine, &what);
                    }
                }
                tokio::time::sleep(LOOK_AT_MACHINES).await;
            }
        });
        Self { seen }
    }

    pub(super) fn log(&self) -> Vec<Ec2Entry> {
        lock(&self.seen).log.clone()
    }

    pub(super) fn nearest(&self) -> InstanceState {
        lock(&self.seen).states.values().copied().max().unwrap_or(InstanceState::Terminated)
    }
}

/// What a change means for the processes.
fn follow(seen: &Arc<Mutex<Seen>>, hooks: &Arc<dyn MachineHooks>, pace: Pace, machine: MachineId, what: &Ec2Event) {
    let (seen, hooks) = (Arc::clone(seen), Arc::clone(hooks));
    match what {
        Ec2Event::Running => {
            tokio::spawn(async move {
                tokio::time::sleep(pace.real(BOOT)).await;
                if lock(&seen).states.get(&machine) == Some(&InstanceState::Running) {
                    hooks.pod(&machine).await;
                    lock(&seen).note(&machine, Ec2Event::Pod);
                }
            });
        }
        Ec2Event::Stopping => {
            tokio::spawn(async move { hooks.ended(&machine, MachineEnd::Ordered).await });
        }
        _ => {}
    }
}

impl Seen {
    /// The events between what was seen before and what is seen now, written down. A machine that went through a state
    /// between two looks has been in it.
    fn change_to(&mut self, now: BTreeMap<MachineId, InstanceState>) -> Vec<(MachineId, Ec2Event)> {
        let mut events = Vec::new();
        for (machine, state) in &now {
            let before = self.states.get(machine).copied().unwrap_or(InstanceState::Terminated);
            let passed: &[Ec2Event] = match (before, *state) {
                (InstanceState::Terminated | InstanceState::Stopped, InstanceState::Pending) => &[Ec2Event::Pending],
                (InstanceState::Terminated | InstanceState::Stopped, InstanceState::Running) => {
                    &[Ec2Event::Pending, Ec2Event::Running]
                }
                (InstanceState::Pending, InstanceState::Running) => &[Ec2Event::Running],
                (InstanceState::Pending | InstanceState::Running, InstanceState::Stopping) => &[Ec2Event::Stopping],
                (InstanceState::Pending | InstanceState::Running, InstanceState::Stopped) => {
                    &[Ec2Event::Stopping, Ec2Event::Stopped]
                }
                (InstanceState::Stopping, InstanceState::Stopped) => &[Ec2Event::Stopped],
                _ => &[],
            };
            events.extend(passed.iter().map(|what| (machine.clone(), what.clone())));
        }
        for (machine, before) in &self.states {
            let passed: &[Ec2Event] = match before {
                _ if now.contains_key(machine) => &[],
                InstanceState::Pending | InstanceState::Running => &[Ec2Event::Stopping, Ec2Event::Terminated],
                InstanceState::Stopping => &[Ec2Event::Terminated],
                InstanceState::Stopped | InstanceState::Terminated => &[],
            };
            events.extend(passed.iter().map(|what| (machine.clone(), what.clone())));
        }
        self.states = now;
        for (machine, what) in &events {
            self.note(machine, what.clone());
        }
        events
    }

    fn note(&mut self, machine: &MachineId, what: Ec2Event) {
        self.log.push(Ec2Entry { at: clock::now(), machine: Some(machine.clone()), what });
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what the lease becomes: the account's store tells nobody. A write is dated by the look before it, so it may
/// seem earlier by one look, and never later than it was.
pub(super) fn read_the_lease(stage: &Arc<Stage>) -> JoinHandle<()> {
    let stage = Arc::clone(stage);
    tokio::spawn(async move {
        let mut before = stage.ledger.now_ms();
        while !stage.over.is_cancelled() {
            let asked = stage.ledger.now_ms();
            if let Ok(board) = stage.store.read_board().await {
                if let Some(lease) = board.lease {
                    stage.ledger.read(&lease, before);
                }
                before = asked;
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

/// The account's watchdog is awake: nothing is to be switched before the first site speaks.
pub(super) async fn before_the_first_site(stage: &Stage) -> anyhow::Result<()> {
    stage.control(ControlMode::Maintenance, "before the first site speaks").await?;
    let first = LeaseRecord::initial(Version::new(clock::random_128()), stage.policy.ttl, Boottime.wall());
    match stage.store.init(&first).await {
        Ok(()) | Err(StoreError::AlreadyInitialised) => Ok(()),
        Err(error) => Err(error).context("initialise the account's store"),
    }
}

/// The first site speaks: from now on its watchdog decides, once it sees the site as its users do.
pub(super) async fn after_the_first_site(stage: &Stage) -> anyhow::Result<()> {
    let deadline = stage.now_ms() + WELL * 1000;
    watching::laptop_is_well(stage, WELL).await?;
    // Its first minute may not have come yet; a crash before that would wait for it.
    while !stage.store.read_watch().await.is_ok_and(|watch| watch.is_some()) {
        anyhow::ensure!(stage.now_ms() < deadline, "the account's watchdog has not looked in time: is it woken?");
        tokio::time::sleep(LOOK).await;
    }
    stage.control(ControlMode::Auto, "the first site speaks").await
}

/// The account's watchdog must not take the end of the rehearsal for a crash.
pub(super) async fn after_the_last_site(stage: &Stage) -> anyhow::Result<()> {
    stage.control(ControlMode::Maintenance, "the rehearsal is over").await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(looks: &[&[(&str, InstanceState)]]) -> Vec<Ec2Event> {
        let mut seen = Seen::default();
        for look in looks {
            let now = look.iter().map(|(id, state)| (MachineId((*id).to_owned()), *state)).collect();
            seen.change_to(now);
        }
        seen.log.into_iter().map(|entry| entry.what).collect()
    }

    #[test]
    fn a_life_is_told_once_however_often_it_is_seen() {
        use InstanceState::{Pending, Running, Stopping};
        let life = [Ec2Event::Pending, Ec2Event::Running, Ec2Event::Stopping, Ec2Event::Terminated];
        let seen: &[&[_]] = &[
            &[],
            &[("i", Pending)],
            &[("i", Pending)],
            &[("i", Running)],
            &[("i", Running)],
            &[("i", Stopping)],
            &[],
            &[],
        ];
        assert_eq!(events(seen), life);
        // States between two looks have been there.
        assert_eq!(events(&[&[("i", Running)], &[]]), life);
    }

    #[test]
    fn two_machines_are_two_starts() {
        let both = [("i", InstanceState::Pending), ("j", InstanceState::Pending)];
        assert_eq!(events(&[&both]), [Ec2Event::Pending, Ec2Event::Pending]);
    }
}
