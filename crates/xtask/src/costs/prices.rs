//! `docs/prices.json`: what AWS asks, what it gives for nothing, and what the sums assume, each with where it comes from.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// What `read` says of a figure that nobody here has seen in writing.
const UNCONFIRMED: &str = "unconfirmed: from memory";

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    schema: u32,
    pub(crate) prices: Prices,
    pub(crate) free: Free,
    pub(crate) assumed: Assumed,
    pub(crate) measured: Measured,
    pub(crate) default: Default,
}

/// What the claim is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Default {
    pub(crate) machine: String,
    pub(crate) region: String,
}

/// What is asked, in USD.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) machines: Vec<Machine>,
    pub(crate) ipv4: Price,
    pub(crate) disk: Price,
    pub(crate) snapshot: Price,
    pub(crate) snapshot_block: Price,
    pub(crate) initialization: Price,
    pub(crate) data_out: Price,
    pub(crate) lambda_request: Price,
    pub(crate) lambda_gb_second: Price,
    pub(crate) schedule: Price,
    pub(crate) write_unit: Price,
    pub(crate) read_unit: Price,
    pub(crate) log_in: Price,
    pub(crate) log_kept: Price,
    pub(crate) metric: Price,
    pub(crate) alarm: Price,
    pub(crate) key_request: Price,
    pub(crate) mail: Price,
}

/// One type of machine in one market.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) market: Market,
    /// Memory.
    pub(crate) gib: f64,
    pub(crate) price: Price,
}

/// How a machine is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Market {
    /// Nobody takes it away.
    #[serde(rename = "on demand")]
    OnDemand,
    /// Cheaper, and taken back with two minutes' notice.
    #[serde(rename = "spot")]
    Spot,
}

/// One price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) what: String,
    pub(crate) usd: f64,
    /// Of what.
    pub(crate) unit: String,
    /// Where AWS asks it; another region than the default's stands in for it.
    pub(crate) region: String,
    pub(crate) source: String,
    /// The day on which it was read there, or that it was not.
    pub(crate) read: String,
}

/// What an account has free every month, for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Free {
    pub(crate) data_out: Allowance,
    pub(crate) lambda_requests: Allowance,
    pub(crate) lambda_gb_seconds: Allowance,
    pub(crate) schedules: Allowance,
    pub(crate) write_units: Allowance,
    pub(crate) read_units: Allowance,
    pub(crate) logs: Allowance,
    pub(crate) metrics: Allowance,
    pub(crate) alarms: Allowance,
    pub(crate) key_requests: Allowance,
    pub(crate) mails: Allowance,
    pub(crate) budgets: Allowance,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowance {
    pub(crate) what: String,
    pub(crate) amount: f64,
    pub(crate) unit: String,
    pub(crate) source: String,
    pub(crate) read: String,
}

/// What nobody has measured yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumed {
    pub(crate) failovers: Assumption,
    pub(crate) image_gb: Assumption,
    pub(crate) images_kept: Assumption,
    pub(crate) publications: Assumption,
    pub(crate) disk_gb: Assumption,
    pub(crate) lambda_mb: Assumption,
    pub(crate) lambda_timeout: Assumption,
    pub(crate) log_line: Assumption,
    pub(crate) metrics: Assumption,
    pub(crate) alarms: Assumption,
    pub(crate) table_units: Assumption,
    pub(crate) lambda_starts: Assumption,
    pub(crate) mails: Assumption,
    pub(crate) cloud_traffic: Assumption,
    pub(crate) budgets: Assumption,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assumption {
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) why: String,
}

/// What a test of `watchdog-local` counted on a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    pub(crate) what: String,
    /// How to count again.
    pub(crate) command: String,
    /// The day.
    pub(crate) on: String,
    /// An hour at rest.
    pub(crate) two_sites: Units,
    /// An hour at rest, the other machine not being there.
    pub(crate) one_site: Units,
    pub(crate) command_that_writes: Units,
    /// What follows it, at most once a second.
    pub(crate) session_saved: Units,
    pub(crate) reminder_delivered: Units,
    /// All that is used from the laptop's death on, for so many seconds.
    pub(crate) failover: Units,
    pub(crate) failover_s: f64,
    /// Answers to the laptop in an hour at rest.
    pub(crate) laptop_mb: f64,
}

/// Of DynamoDB.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Units {
    pub(crate) read: f64,
    pub(crate) write: f64,
}

impl Table {
    /// Reads the file and refuses what no sum can be made of.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let table: Self = serde_json::from_str(text).context("read it as a table of prices")?;
        ensure!(table.schema == 1, "it has schema {}, this reads 1", table.schema);
        for price in table.prices.rows() {
            sound(&price.what, price.usd, &price.read)?;
            ensure!(!price.source.is_empty() && !price.region.is_empty(), "{} has no source or region", price.what);
        }
        for free in table.free.rows() {
            sound(&free.what, free.amount, &free.read)?;
            ensure!(!free.source.is_empty(), "{} has no source", free.what);
        }
        for (name, assumption) in table.assumed.rows() {
            sound(name, assumption.value, UNCONFIRMED)?;
            ensure!(!assumption.why.is_empty(), "{name} has no reason");
        }
        for (name, number) in [
            ("measured: two_sites", table.measured.two_sites.read.min(table.measured.two_sites.write)),
            ("measured: one_site", table.measured.one_site.read.min(table.measured.one_site.write)),
            ("measured: failover", table.measured.failover.read.min(table.measured.failover.write)),
            ("measured: failover_s", table.measured.failover_s),
            ("measured: laptop_mb", table.measured.laptop_mb),
        ] {
            sound(name, number, &table.measured.on)?;
        }
        table.machine()?;
        Ok(table)
    }

    /// The default machine, on demand.
    pub(crate) fn machine(&self) -> anyhow::Result<&Machine> {
        self.machine_of(&self.default.machine, Market::OnDemand)
    }

    /// A machine by its type and market.
    pub(crate) fn machine_of(&self, kind: &str, market: Market) -> anyhow::Result<&Machine> {
        let found = self.prices.machines.iter().find(|machine| machine.kind == kind && machine.market == market);
        found.with_context(|| format!("the machine {kind} has no price {}", market.word()))
    }
}

/// A number above zero that says when it was read, or that it was not.
fn sound(what: &str, number: f64, read: &str) -> anyhow::Result<()> {
    if !(number.is_finite() && number > 0.0) {
        bail!("{what} is {number}, which is no number above 0");
    }
    let day = read.len() == 10 && read.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    ensure!(day || read == UNCONFIRMED, "{what} was read `{read}`: write the day as 2026-11-26, or `{UNCONFIRMED}`");
    Ok(())
}

impl Market {
    /// For people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::OnDemand => "on demand",
            Self::Spot => "on spot",
        }
    }
}

impl Prices {
    /// All of them, in the order of the page.
    pub(crate) fn rows(&self) -> Vec<&Price> {
        let others = [
            &self.ipv4,
            &self.disk,
            &self.snapshot,
            &self.snapshot_block,
            &self.initialization,
            &self.data_out,
            &self.lambda_request,
            &self.lambda_gb_second,
            &self.schedule,
            &self.write_unit,
            &self.read_unit,
            &self.log_in,
            &self.log_kept,
            &self.metric,
            &self.alarm,
            &self.key_request,
            &self.mail,
        ];
        self.machines.iter().map(|machine| &machine.price).chain(others).collect()
    }
}

impl Free {
    /// All of them, in the order of the page.
    pub(crate) fn rows(&self) -> [&Allowance; 12] {
        [
            &self.data_out,
            &self.lambda_requests,
            &self.lambda_gb_seconds,
            &self.schedules,
            &self.write_units,
            &self.read_units,
            &self.logs,
            &self.metrics,
            &self.alarms,
            &self.key_requests,
            &self.mails,
            &self.budgets,
        ]
    }
}

impl Assumed {
    /// All of them with a name for people, in the order of the page.
    pub(crate) fn rows(&self) -> [(&'static str, &Assumption); 15] {
        [
            ("failovers", &self.failovers),
            ("size of the image", &self.image_gb),
            ("images kept", &self.images_kept),
            ("images published", &self.publications),
            ("size of the machine's volume", &self.disk_gb),
            ("traffic out of the cloud", &self.cloud_traffic),
            ("memory of the Lambda", &self.lambda_mb),
            ("time limit of the Lambda", &self.lambda_timeout),
            ("starts of the Lambda's environment", &self.lambda_starts),
            ("one line of log", &self.log_line),
            ("metrics", &self.metrics),
            ("alarms", &self.alarms),
            ("units of the table", &self.table_units),
            ("e-mails", &self.mails),
            ("budgets", &self.budgets),
        ]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Table;

    /// The file that ships.
    pub(crate) const SHIPPED: &str = include_str!("../../../../docs/prices.json");

    fn refusal(from: &str, to: &str) -> String {
        assert!(SHIPPED.contains(from), "{from}");
        format!("{:#}", Table::read(&SHIPPED.replacen(from, to, 1)).unwrap_err())
    }

    #[test]
    fn a_price_of_nothing_or_without_a_day_is_refused_by_name() {
        assert!(refusal("0.0212", "0").contains("machine t3a.small is 0"));
        let why = refusal("\"read\": \"2026-11-26\"", "\"read\": \"lately\"");
        assert!(why.contains("machine t3a.small was read `lately`"), "{why}");
    }

    #[test]
    fn an_unknown_key_and_a_missing_default_are_refused() {
        assert!(refusal("\"ipv4\"", "\"ipv6\"").contains("ipv6"));
        assert!(refusal("\"machine\": \"t3a.small\"", "\"machine\": \"t9.small\"").contains("t9.small has no price"));
        assert!(refusal("\"schema\": 1", "\"schema\": 2").contains("schema 2"));
    }
}
