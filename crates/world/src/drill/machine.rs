//! The small EC2 of a stage, wired to the cloud node's processes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::act::InstanceState;
use relais_watchdog::ports::{MachineId, Standby as _, StandbyError};

use super::stage::Stage;
use crate::ec2::{Call, Ec2Config, Ec2Event, Fault, MachineEnd, MachineHooks, SmallEc2};
use crate::nodes::Node;
use crate::pace::Pace;
use crate::report::{Mark, MarkKind};

/// How long the cloud node's processes may take to end in order, real time at pace 1.
const GRACE: Duration = Duration::from_secs(8);

struct CloudNode {
    node: Arc<Node>,
    pace: Pace,
}

#[async_trait]
impl MachineHooks for CloudNode {
    async fn pod(&self, machine: &MachineId) {
        if let Err(error) = self.node.start().await {
            tracing::error!(%machine, %error, "the cloud node did not start");
        }
    }

    async fn ended(&self, _: &MachineId, how: MachineEnd) {
        match how {
            MachineEnd::Ordered => self.node.terminate(self.pace.real(GRACE)).await,
            MachineEnd::Lost => self.node.kill().await,
        }
    }
}

/// A small EC2 whose machine runs the cloud node: 16 s to running, 20 s more to the pod.
pub(super) fn small_ec2(pace: Pace, cloud: &Arc<Node>) -> SmallEc2 {
    let config = Ec2Config { pace, ..Ec2Config::default() };
    SmallEc2::new(config, Arc::new(CloudNode { node: Arc::clone(cloud), pace }))
}

impl Stage {
    /// The next starts find no capacity.
    pub(super) fn fail_capacity(&self, times: u32) {
        self.ec2.script(Call::Start, Fault::Refuse(StandbyError::InsufficientCapacity), times);
    }

    /// The state of the machine nearest to serving.
    pub(super) async fn instance(&self) -> InstanceState {
        let machines = self.ec2.describe().await.unwrap_or_default();
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
        let log = self.ec2.log();
        let marks = log.iter().filter_map(|entry| {
            let at_ms = self.protocol_ms(entry.at.as_millis());
            told(&entry.what).map(|text| Mark { at_ms, kind: MarkKind::Instance, text })
        });
        marks.collect()
    }

    /// When the first stop was accepted, protocol ms.
    pub(super) fn first_stop_ms(&self) -> Option<u64> {
        let log = self.ec2.log();
        let stop = log.iter().find(|entry| entry.what == Ec2Event::Stopping)?;
        Some(self.protocol_ms(stop.at.as_millis()))
    }

    /// Whether every machine has gone.
    pub(super) fn machine_gone(&self) -> bool {
        self.ec2.log().iter().any(|entry| entry.what == Ec2Event::Terminated)
    }
}

/// Puts a machine on the stage that has been running for `age` protocol seconds, with its processes.
pub(super) async fn preset(stage: &Stage, age: u64) {
    stage.ec2.preset_running(Duration::from_secs(age)).await;
}
