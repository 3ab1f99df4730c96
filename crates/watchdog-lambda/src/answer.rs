//! What the caller is told: the laptop reads whether the standby is on its way, people read the rest in the log.

use relais_failover::act::{Action, InstanceState};
use relais_failover::decide::Alert;
use relais_watchdog::TickReport;
use relais_watchdog::tick::Outcome;
use serde::Serialize;

use crate::event::Reason;

/// The answer, of the last look of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Why it was called.
    pub reason: Reason,
    /// How often it looked.
    pub looks: u32,
    /// `ok`, `degraded`, … as in timelines.
    pub probe: &'static str,
    /// The lease, in words.
    pub lease: String,
    /// `on`, `off` or `hold`.
    pub desired: &'static str,
    /// What was decided.
    pub action: Action,
    /// What became of it.
    pub outcome: String,
    /// What the standby was before that; null if it could not be looked at.
    pub standby: Option<InstanceState>,
    /// Whether the standby runs or is on its way.
    pub coming: bool,
    /// Everything that was told in this invocation.
    pub alerts: Vec<Alert>,
}

impl Answer {
    /// From the last look.
    #[must_use]
    pub fn new(reason: Reason, looks: u32, last: &TickReport, alerts: Vec<Alert>) -> Self {
        Self {
            reason,
            looks,
            probe: last.sighting.probe.as_str(),
            lease: format!("{:?}", last.sighting.lease),
            desired: last.desired.as_str(),
            action: last.action,
            outcome: format!("{:?}", last.outcome),
            standby: last.instance,
            coming: coming(last),
            alerts,
        }
    }
}

/// Whether the standby runs or is on its way.
#[must_use]
pub fn coming(look: &TickReport) -> bool {
    let switched = matches!(look.action, Action::Launch | Action::Start) && look.outcome == Outcome::Done;
    switched || matches!(look.instance, Some(InstanceState::Pending | InstanceState::Running))
}
