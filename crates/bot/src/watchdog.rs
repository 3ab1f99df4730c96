//! What the watchdog remembers, shown beside the bot: the watchdog's own process lives for a minute and nobody can ask it, but
//! its memory is in the store. A site whose store no watchdog uses shows nothing of it.

use std::{sync::Arc, time::Duration};

use relais_failover::{Policy, Timestamp, WatchRecord, decide::Alert};
use relais_host::clock::unix_now;
use relais_store::Store;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// One small read a minute: nobody looks more often at what changes in hours.
const EVERY: Duration = Duration::from_secs(60);

/// Reads and shows until `stop`.
pub async fn show(store: Arc<dyn Store>, policy: Policy, stop: CancellationToken) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match timeout(policy.request_timeout, store.read_watch()).await {
            Ok(Ok(Some(memory))) => tell(&Seen::of(&memory, &policy, unix_now())),
            // Its age goes on growing, which is what an alert looks at.
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the watchdog's memory is not readable"),
        }
    }
}

/// The numbers.
#[derive(Debug, PartialEq)]
struct Seen {
    last_look: f64,
    failed_probes: f64,
    standby: f64,
    starts: f64,
    starts_limit: f64,
    cloud: f64,
    cloud_limit: f64,
    alerts: Vec<(String, f64)>,
}

impl Seen {
    fn of(memory: &WatchRecord, policy: &Policy, now: Timestamp) -> Self {
        // A watchdog that has not looked since counts yesterday's starts and last month's hours.
        let mut current = memory.clone();
        current.forget_past(now);
        Self {
            last_look: seconds(memory.last_look),
            failed_probes: f64::from(memory.failed_probes),
            standby: if memory.running_since.is_some() { 1.0 } else { 0.0 },
            starts: current.starts.len() as f64,
            starts_limit: f64::from(policy.starts_per_day),
            cloud: Duration::from_millis(current.cloud_ms).as_secs_f64(),
            cloud_limit: policy.cloud_ms_per_month.as_secs_f64(),
            alerts: memory.alerted.iter().map(|(alert, at)| (name(*alert), seconds(*at))).collect(),
        }
    }
}

/// As the record and the log have it.
fn name(alert: Alert) -> String {
    serde_json::to_value(alert).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

fn tell(seen: &Seen) {
    metrics::gauge!("watchdog_last_look_timestamp_seconds").set(seen.last_look);
    metrics::gauge!("watchdog_failed_probes").set(seen.failed_probes);
    metrics::gauge!("watchdog_standby_running").set(seen.standby);
    metrics::gauge!("watchdog_starts_24h").set(seen.starts);
    metrics::gauge!("watchdog_starts_24h_limit").set(seen.starts_limit);
    metrics::gauge!("watchdog_cloud_seconds_month").set(seen.cloud);
    metrics::gauge!("watchdog_cloud_seconds_month_limit").set(seen.cloud_limit);
    for (alert, at) in &seen.alerts {
        metrics::gauge!("watchdog_alert_timestamp_seconds", "alert" => alert.clone()).set(*at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn yesterdays_starts_and_last_months_hours_count_no_more() {
        // 2026-11-30T23:00Z, and two days later.
        let then = Timestamp::from_millis(1_796_079_600_000);
        let mut memory = WatchRecord::new(then);
        memory.forget_past(then);
        memory.starts = vec![then];
        memory.cloud_ms = 5 * HOUR;
        memory.running_since = Some(then);
        memory.alerted.insert(Alert::PublicPathDown, then);
        let policy = Policy::embedded();
        let fresh = Seen::of(&memory, &policy, then);
        assert_eq!((fresh.starts, fresh.cloud, fresh.standby), (1.0, 18_000.0, 1.0));
        assert_eq!(fresh.alerts, [("public-path-down".to_owned(), 1_796_079_600.0)]);
        assert_eq!((fresh.starts_limit, fresh.cloud_limit), (24.0, 360_000.0));
        let later = Seen::of(&memory, &policy, then + Duration::from_millis(48 * HOUR));
        assert_eq!((later.starts, later.cloud, later.last_look), (0.0, 0.0, 1_796_079_600.0));
    }
}
