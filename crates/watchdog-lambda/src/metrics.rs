//! What CloudWatch counts: one line of its embedded metric format for each invocation (CloudWatch user guide, "Specification:
//! Embedded metric format"). It needs no call and no permission beyond the log.
//!
//! Ten metrics are free; these are seven, with one dimension.

use core::time::Duration;

use relais_failover::act::InstanceState;
use relais_failover::sighting::{LeaseSight, ProbeSight};
use relais_watchdog::TickReport;
use relais_watchdog::tick::Outcome;
use serde_json::{Value, json};

/// The namespace of all of them.
pub const NAMESPACE: &str = "Relais";
/// Their one dimension: the project's name.
pub const DIMENSION: &str = "Project";

/// What one invocation saw and did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    looks: u32,
    longest: Duration,
    probes_ok: u32,
    fresh: u32,
    switches: u32,
    alerts: u32,
    running: Duration,
}

impl Tally {
    /// One look more, which took so long, with what EC2 says about how long a machine has been running.
    pub fn add(&mut self, look: &TickReport, took: Duration) {
        self.looks += 1;
        self.longest = self.longest.max(took);
        self.probes_ok += u32::from(look.sighting.probe == ProbeSight::Ok);
        self.fresh += u32::from(matches!(look.sighting.lease, LeaseSight::Fresh(_)));
        self.switches += u32::from(look.outcome == Outcome::Done);
        self.alerts += u32::try_from(look.alerts.len()).unwrap_or(u32::MAX);
        self.running = match look.instance {
            Some(InstanceState::Running) => look.running_for.unwrap_or_default().max(self.running),
            // A look that failed says nothing; any other state means that nothing runs.
            None => self.running,
            Some(_) => Duration::ZERO,
        };
    }

    /// The line, for the log, as it is.
    #[must_use]
    pub fn line(&self, project: &str, unix_ms: u64) -> String {
        let share = |part: u32| f64::from(part) / f64::from(self.looks.max(1));
        let metrics = [
            ("LookMs", "Milliseconds", json!(u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX))),
            ("Looks", "Count", json!(self.looks)),
            ("ProbeOk", "None", json!(share(self.probes_ok))),
            ("LeaseFresh", "None", json!(share(self.fresh))),
            ("Switches", "Count", json!(self.switches)),
            ("Alerts", "Count", json!(self.alerts)),
            ("StandbyRunningSeconds", "Seconds", json!(self.running.as_secs())),
        ];
        let named: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": unix_ms,
                "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": named }],
            },
            DIMENSION: project,
        });
        for (name, _, value) in metrics {
            line[name] = value;
        }
        line.to_string()
    }
}
