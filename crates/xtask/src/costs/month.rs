//! The sums: how long a machine runs in a month, what a standby costs, and what the watchdog uses of what is free.

use serde::Deserialize;

use super::prices::Table;

/// As AWS counts.
pub(crate) const HOURS_A_MONTH: f64 = 730.0;
const MINUTES_A_MONTH: f64 = HOURS_A_MONTH * 60.0;
const DAYS_A_MONTH: f64 = HOURS_A_MONTH / 24.0;
const MS_AN_HOUR: f64 = 3_600_000.0;
/// The watchdog is called once a minute, so it may see late that the machine can go.
const CALL_MS: f64 = 60_000.0;
/// The EBS direct APIs write blocks of 512 KiB.
const BLOCKS_A_GB: f64 = 2_048.0;
/// The Lambda's own: the key of the probe and the address of the alerts.
const SECRETS: f64 = 2.0;

/// What the sums need of `policy.json`, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Policy {
    pub(crate) passes_ms: f64,
    pub(crate) probe_every_ms: f64,
    pub(crate) handback_after_ms: f64,
    pub(crate) min_cloud_run_ms: f64,
    pub(crate) cloud_ms_per_month: f64,
}

/// Hours of the machine in a month with so many hours of outage in so many pieces of one length. Each run lasts longer than
/// its outage by the hand-back's wait and the watchdog's next call, no run is shorter than the policy's least (which is more
/// than the minute that AWS asks for at least), and all together are not more than the policy's budget.
pub(crate) fn cloud_hours(outage: f64, failovers: f64, policy: &Policy) -> f64 {
    let after = (policy.handback_after_ms + CALL_MS) / MS_AN_HOUR;
    let least = policy.min_cloud_run_ms / MS_AN_HOUR;
    (failovers * (outage / failovers + after).max(least)).min(policy.cloud_ms_per_month / MS_AN_HOUR)
}

/// How the standby waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing exists but the image.
    Launch,
    /// A stopped machine, whose volume is paid all the time.
    Stopped,
}

/// One item of a bill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) how: String,
    pub(crate) usd: f64,
}

/// What the standby costs in a month in which its machine runs for so many hours.
pub(crate) fn standby(table: &Table, mode: Mode, machine_usd: f64, image_gb: f64, hours: f64) -> Vec<Line> {
    let (prices, assumed) = (&table.prices, &table.assumed);
    let (images, published) = (assumed.images_kept.value, assumed.publications.value);
    let (disk, kept) = (assumed.disk_gb.value, if mode == Mode::Launch { hours } else { HOURS_A_MONTH });
    let blocks = published * image_gb * BLOCKS_A_GB;
    let line = |what, how, usd| Line { what, how, usd };
    vec![
        line("snapshots", format!("{images} images of {image_gb} GB"), images * image_gb * prices.snapshot.usd),
        line("publication", format!("{blocks:.0} blocks of 512 KiB"), blocks * prices.snapshot_block.usd),
        line("machine", format!("{hours:.2} h"), hours * machine_usd),
        line("address", format!("{hours:.2} h"), hours * prices.ipv4.usd),
        line("volume", format!("{disk} GB for {kept:.2} h"), disk * kept / HOURS_A_MONTH * prices.disk.usd),
    ]
}

/// The sum of a bill.
pub(crate) fn sum(lines: &[Line]) -> f64 {
    lines.iter().map(|line| line.usd).sum()
}

/// Something of which an account has a part free.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Use {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) used: f64,
    pub(crate) free: f64,
    /// What the used amount costs where nothing is free.
    pub(crate) usd: f64,
}

impl Use {
    /// What is beyond the free part, if nothing else in the account uses it.
    pub(crate) fn beyond(&self) -> f64 {
        self.usd * (1.0 - self.free / self.used).max(0.0)
    }
}

/// What a month uses of what is free: the watchdog, the table, the alarms, and the machine's traffic.
pub(crate) fn uses(table: &Table, policy: &Policy, hours: f64) -> Vec<Use> {
    let (prices, free, assumed) = (&table.prices, &table.free, &table.assumed);
    let looks = policy.passes_ms / policy.probe_every_ms + 1.0;
    let logged = MINUTES_A_MONTH * (looks + 1.0) * assumed.log_line.value / 1e6;
    let decrypted = DAYS_A_MONTH * assumed.lambda_starts.value * SECRETS;
    let units = assumed.table_units.value;
    // The laptop reads the table across the internet.
    let out = hours * assumed.cloud_traffic.value + HOURS_A_MONTH * table.measured.laptop_mb / 1_000.0;
    let lambda = gb_seconds(table, policy.passes_ms / 1_000.0);
    let of = |free: &super::prices::Allowance, used: f64, usd: f64| Use {
        what: free.what.clone(),
        unit: free.unit.clone(),
        used,
        free: free.amount,
        usd: used * usd,
    };
    vec![
        of(&free.lambda_requests, MINUTES_A_MONTH, prices.lambda_request.usd),
        of(&free.lambda_gb_seconds, lambda, prices.lambda_gb_second.usd),
        of(&free.schedules, MINUTES_A_MONTH, prices.schedule.usd),
        of(&free.write_units, units, prices.write_unit.usd * HOURS_A_MONTH),
        of(&free.read_units, units, prices.read_unit.usd * HOURS_A_MONTH),
        of(&free.logs, logged, prices.log_in.usd + prices.log_kept.usd),
        of(&free.metrics, assumed.metrics.value, prices.metric.usd),
        of(&free.alarms, assumed.alarms.value, prices.alarm.usd),
        of(&free.key_requests, decrypted, prices.key_request.usd),
        of(&free.mails, assumed.mails.value, prices.mail.usd),
        // A budget without actions is free whatever else there is.
        of(&free.budgets, assumed.budgets.value, 0.0),
        of(&free.data_out, out, prices.data_out.usd),
    ]
}

/// GB-seconds of the Lambda in a month in which every call lasts so many seconds.
pub(crate) fn gb_seconds(table: &Table, seconds: f64) -> f64 {
    MINUTES_A_MONTH * seconds * table.assumed.lambda_mb.value / 1_024.0
}

/// Requests to KMS in a month, if the secrets were decrypted in every call.
pub(crate) fn decrypted_in_every_call() -> f64 {
    MINUTES_A_MONTH * SECRETS
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::prices::tests::SHIPPED;
    use super::{Mode, Policy, cloud_hours, gb_seconds, standby, sum, uses};
    use crate::costs::prices::Table;

    pub(crate) const POLICY: Policy = Policy {
        passes_ms: 50_000.0,
        probe_every_ms: 5_000.0,
        handback_after_ms: 120_000.0,
        min_cloud_run_ms: 600_000.0,
        cloud_ms_per_month: 360_000_000.0,
    };

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn short_outages_last_as_long_as_the_least_run_and_long_ones_as_long_as_they_are() {
        // 60 outages of a minute: each is paid for ten.
        assert!(near(cloud_hours(1.0, 60.0, &POLICY), 10.0));
        // Four of 30 minutes, and three minutes more each.
        assert!(near(cloud_hours(2.0, 4.0, &POLICY), 2.2));
        // A laptop that is away half of the time meets the budget.
        assert!(near(cloud_hours(365.0, 30.0, &POLICY), 100.0));
    }

    #[test]
    fn a_stopped_machine_pays_its_volume_all_month_and_a_launched_one_while_it_runs() {
        let mut table = Table::read(SHIPPED).unwrap();
        table.prices.disk.usd = 0.73;
        table.assumed.disk_gb.value = 8.0;
        let volume =
            |mode| standby(&table, mode, 0.02, 1.0, 10.0).into_iter().find(|line| line.what == "volume").unwrap();
        assert!(near(volume(Mode::Launch).usd, 0.08), "{:?}", volume(Mode::Launch));
        assert!(near(volume(Mode::Stopped).usd, 5.84), "{:?}", volume(Mode::Stopped));
    }

    #[test]
    fn every_image_kept_is_paid_in_full() {
        let mut table = Table::read(SHIPPED).unwrap();
        table.prices.snapshot.usd = 0.05;
        table.prices.snapshot_block.usd = 0.000_006;
        (table.assumed.images_kept.value, table.assumed.publications.value) = (2.0, 1.0);
        // Without an hour of a machine only the images are paid: 2 x 1.5 x 0.05, and 3,072 blocks.
        let bill = standby(&table, Mode::Launch, 0.02, 1.5, 0.0);
        assert!(near(sum(&bill), 0.15 + 0.018_432), "{bill:?}");
    }

    #[test]
    fn the_watchdog_uses_about_two_thirds_of_the_free_lambda() {
        let table = Table::read(SHIPPED).unwrap();
        assert!(near(gb_seconds(&table, 50.0), 273_750.0));
        let all = uses(&table, &POLICY, 2.0);
        let lambda = all.iter().find(|used| used.unit == "GB-seconds").unwrap();
        assert!(near(lambda.used, 273_750.0) && near(lambda.beyond(), 0.0), "{lambda:?}");
    }

    #[test]
    fn what_is_beyond_the_free_part_is_paid_in_proportion() {
        let mut table = Table::read(SHIPPED).unwrap();
        table.free.alarms.amount = 4.0;
        table.assumed.alarms.value = 6.0;
        table.prices.alarm.usd = 0.1;
        let all = uses(&table, &POLICY, 2.0);
        let alarms = all.iter().find(|used| used.what == table.free.alarms.what).unwrap();
        assert!(near(alarms.usd, 0.6) && near(alarms.beyond(), 0.2), "{alarms:?}");
    }
}
