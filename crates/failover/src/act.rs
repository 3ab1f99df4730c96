//! Stage 2 of the watchdog: from what should be to one act on the standby (protocol, watchdog, stage 2).

use serde::{Deserialize, Serialize};

use crate::decide::{Alert, Desired, Verdict};
use crate::ids::Site;
use crate::policy::Mode;
use crate::sighting::{History, LeaseSight, Sighting};

/// What the standby is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// There is none, or only ended ones.
    Terminated,
    /// Switched off, can be started.
    Stopped,
    /// On its way to stopped or terminated (`stopping`, `shutting-down`).
    Stopping,
    /// On its way to running.
    Pending,
    /// Running.
    Running,
}

impl InstanceState {
    /// Every value.
    pub const ALL: [Self; 5] = [Self::Terminated, Self::Stopped, Self::Stopping, Self::Pending, Self::Running];

    /// The name used in timelines and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminated => "none",
            Self::Stopped => "stopped",
            Self::Stopping => "stopping",
            Self::Pending => "pending",
            Self::Running => "running",
        }
    }
}

/// What is left of the month's money and the day's starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Budget {
    /// Enough.
    Left,
    /// `starts_per_day` starts happened in the last 24 h.
    StartsSpent,
    /// `cloud_ms_per_month` were used this month.
    HoursSpent,
}

impl Budget {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Left, Self::StartsSpent, Self::HoursSpent];
}

/// One act on the standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing to do.
    Nothing,
    /// Something is under way: look again.
    Wait,
    /// Launch one from the template, with an idempotent client token.
    Launch,
    /// Start the stopped one.
    Start,
    /// Stop or terminate the running one.
    Stop,
    /// Replace the running one, which does not serve.
    Recycle,
}

/// What stage 2 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The act.
    pub action: Action,
    /// The alerts of both stages, in order, each once.
    pub alerts: Vec<Alert>,
}

/// The condition under which alone the standby is stopped (S5): the laptop serves for certain, and the cloud has no
/// part in the lease.
#[must_use]
pub const fn may_stop(sighting: &Sighting, mode: Mode) -> bool {
    let History { laptop_renewed_twice, min_run_passed, settled, .. } = sighting.history;
    let served_at_home = match mode {
        Mode::Lease => matches!(sighting.lease, LeaseSight::Fresh(Site::Laptop)) && laptop_renewed_twice,
        Mode::ProbeOnly => settled,
    };
    served_at_home && min_run_passed
}

/// Stage 2: total, and the same answer for the same arguments.
#[must_use]
pub fn plan(verdict: &Verdict, sighting: &Sighting, instance: InstanceState, budget: Budget, mode: Mode) -> Plan {
    let mut alerts = verdict.alerts.clone();
    let action = match verdict.desired {
        Desired::Hold => Action::Nothing,
        Desired::On => switch_on(sighting.history, instance, budget, &mut alerts),
        Desired::Off => match instance {
            InstanceState::Terminated | InstanceState::Stopped | InstanceState::Stopping => Action::Nothing,
            InstanceState::Pending => Action::Wait,
            InstanceState::Running if may_stop(sighting, mode) => Action::Stop,
            InstanceState::Running => Action::Nothing,
        },
    };
    alerts.sort_unstable();
    alerts.dedup();
    Plan { action, alerts }
}

fn switch_on(history: History, instance: InstanceState, budget: Budget, alerts: &mut Vec<Alert>) -> Action {
    match instance {
        InstanceState::Terminated | InstanceState::Stopped => match budget {
            Budget::Left if instance == InstanceState::Stopped => Action::Start,
            Budget::Left => Action::Launch,
            Budget::StartsSpent => {
                alerts.push(Alert::StartsSpent);
                Action::Nothing
            }
            Budget::HoursSpent => {
                alerts.push(Alert::HoursSpent);
                Action::Nothing
            }
        },
        InstanceState::Stopping | InstanceState::Pending => Action::Wait,
        InstanceState::Running if history.leaseless_long => {
            alerts.push(Alert::StandbySilent);
            // Replacing costs a start; with none left the silent one is all there is.
            if history.may_recycle && budget == Budget::Left { Action::Recycle } else { Action::Nothing }
        }
        InstanceState::Running => {
            if budget == Budget::HoursSpent {
                alerts.push(Alert::HoursSpent);
            }
            Action::Nothing
        }
    }
}
