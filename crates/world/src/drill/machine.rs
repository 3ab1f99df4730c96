//! The machines of a stage, wired to the cloud node's processes: a small EC2's, or those of a cloud account.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::act::InstanceState;
use relais_watchdog::ports::{MachineId, Standby as _, StandbyError};
use tokio_util::sync::CancellationToken;

use super::account::{Account, Mirror};
use super::ground::Ground;
use super::stage::Stage;
use crate::ec2::{Call, Ec2Config, Ec2Entry, Ec2Event, Fault, MachineEnd, MachineHooks, SmallEc2};
use crate::pace::Pace;
use crate::report::{Mark, MarkKind};

/// How long the cloud node's processes may take to end in order, real time at pace 1.
const GRACE: Duration = Duration::from_secs(8);

struct CloudNode {
    node: Arc<Ground>,
    pace: Pace,
}

#[async_trait]
impl MachineHooks for CloudNode {
    async fn pod(&self, machine: &MachineId) {
        if let Err(error) = self.node.start().await {
            tracing::error!(%machine, error = format!("{error:#}"), "the cloud node did not start");
        }
    }

    async fn ended(&self, _: &MachineId, how: MachineEnd) {
        let ended = match how {
            MachineEnd::Ordered => self.node.terminate(self.pace.real(GRACE)).await,
            MachineEnd::Lost => self.node.kill().await,
        };
        if let Err(error) = ended {
            tracing::error!(error = format!("{error:#}"), "the cloud node did not end");
        }
    }
}

/// From running to the cloud node's processes, protocol time.
pub(super) const BOOT: Duration = Duration::from_secs(20);

/// Where the machines of a stage are.
pub(super) enum Machines {
    /// In the rehearsal's own EC2.
    Small(SmallEc2),
    /// In a cloud account, where somebody else switches them.
    Account(Mirror),
}

impl Machines {
    /// A small EC2 whose machine runs the cloud node: 16 s to running, 20 s more to the pod. Or the mirror of an account's.
    pub(super) fn new(account: Option<&Account>, pace: Pace, cloud: &Arc<Ground>, over: &CancellationToken) -> Self {
        let hooks = Arc::new(CloudNode { node: Arc::clone(cloud), pace });
        match account {
            Some(account) => Self::Account(Mirror::start(&account.standby, hooks, pace, over.clone())),
            None => Self::Small(SmallEc2::new(Ec2Config { pace, to_pod: BOOT, ..Ec2Config::default() }, hooks)),
        }
    }

    /// The small EC2, for scenes that script it.
    pub(super) const fn small(&self) -> Option<&SmallEc2> {
        match self {
            Self::Small(ec2) => Some(ec2),
            Self::Account(_) => None,
        }
    }

    fn log(&self) -> Vec<Ec2Entry> {
        match self {
            Self::Small(ec2) => ec2.log(),
            Self::Account(mirror) => mirror.log(),
        }
    }

    fn count(&self, what: &Ec2Event) -> u64 {
        self.log().iter().filter(|entry| entry.what == *what).count() as u64
    }

    /// Accepted calls that started a machine.
    pub(super) fn starts(&self) -> u64 {
        self.count(&Ec2Event::Pending)
    }

    /// Accepted calls that stopped a machine.
    pub(super) fn stops(&self) -> u64 {
        self.count(&Ec2Event::Stopping)
    }
}

impl Stage {
    /// The next starts find no capacity.
    pub(super) fn fail_capacity(&self, times: u32) {
        if let Some(ec2) = self.machines.small() {
            ec2.script(Call::Start, Fault::Refuse(StandbyError::InsufficientCapacity), times);
        }
    }

    /// The state of the machine nearest to serving.
    pub(super) async fn instance(&self) -> InstanceState {
        let machines = match &self.machines {
            Machines::Small(ec2) => ec2.describe().await.unwrap_or_default(),
            Machines::Account(mirror) => return mirror.nearest(),
        };
        machines.iter().map(|machine| machine.state).max().unwrap_or(InstanceState::Terminated)
    }

    /// What the small EC2 noted, for the timeline.
    pub(super) fn machine_marks(&self) -> Vec<Mark> {
        let told = |what: &Ec2Event| match what {
            Ec2Event::Pending => Some("machine pending".to_owned()),
            Ec2Event::Running => Some("machine running".to_owned()),
            Ec2Event::Pod => Some("the cloud's pod starts".to_owned()),
            Ec2Event::Stopping => Some("machine stopping".to_owned()),
            Ec2Event::Stopped => Some("machine stopped".to_owned()),
            Ec2Event::Terminated => Some("machine terminated".to_owned()),
            Ec2Event::Vanished => Some("machine lost".to_owned()),
            Ec2Event::Refused { call, error } => Some(format!("{call:?} refused: {error}")),
            Ec2Event::StartRepeated | Ec2Event::StopRepeated | Ec2Event::AnswerLost { .. } => None,
        };
        let log = self.machines.log();
        let marks = log.iter().filter_map(|entry| {
            let at_ms = self.protocol_ms(entry.at.as_millis());
            told(&entry.what).map(|text| Mark { at_ms, kind: MarkKind::Instance, text })
        });
        marks.collect()
    }

    /// When the first stop was accepted, protocol ms.
    pub(super) fn first_stop_ms(&self) -> Option<u64> {
        let log = self.machines.log();
        let stop = log.iter().find(|entry| entry.what == Ec2Event::Stopping)?;
        Some(self.protocol_ms(stop.at.as_millis()))
    }

    /// Whether a machine has been on and is off again.
    pub(super) fn machine_gone(&self) -> bool {
        self.machines.log().iter().any(|entry| matches!(entry.what, Ec2Event::Terminated | Ec2Event::Stopped))
    }
}

/// Puts a machine on the stage that has been running for `age` protocol seconds, with its processes.
pub(super) async fn preset(stage: &Stage, age: u64) {
    if let Some(ec2) = stage.machines.small() {
        ec2.preset_running(Duration::from_secs(age)).await;
    }
}
