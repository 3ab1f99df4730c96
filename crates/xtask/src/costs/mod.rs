//! What Relais costs: `docs/costs.md` and the README's claim, computed from the prices and the policy.
//!
//! Reading order: the prices ([`prices`]), the sums ([`month`]), the page ([`page`]), and here the files and the step of the
//! gate. Deliberately absent: any look at AWS; a price is read by a person, who writes down where and when.

mod month;
mod page;
mod prices;

use anyhow::{Context as _, bail};

use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;
use page::{Costs, OUTAGES, cents, paragraph, share};

const PRICES: &str = "docs/prices.json";
const POLICY: &str = "crates/failover/policy.json";
const PAGE: &str = "docs/costs.md";
const README: &str = "README.md";
const DASHBOARD: &str = "k8s/monitoring/grafana/dashboards/watchdog.json";
const HEADING: &str = "## What it costs\n";

/// A file, and what it should hold.
struct Written {
    path: &'static str,
    is: String,
    should_be: String,
}

/// Writes the page and the claim anew.
///
/// # Errors
/// A file cannot be read, understood or written.
pub(crate) fn write(gate: &Gate) -> anyhow::Result<bool> {
    for Written { path, is, should_be } in computed(gate)? {
        if is == should_be {
            println!("{path} is as it should be");
        } else {
            std::fs::write(gate.root.join(path), should_be).with_context(|| format!("write {path}"))?;
            println!("{path} is written");
        }
    }
    Ok(true)
}

/// Compares the page and the claim with what is computed.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let files = computed(gate)?;
    let mut wrong = Vec::new();
    for file in &files {
        if let Some(line) = first_difference(&file.is, &file.should_be) {
            log.say(&format!("{}: {line}", file.path))?;
            wrong.push(file.path);
        }
    }
    Ok(if wrong.is_empty() {
        Outcome::passed(format!("{PAGE} and the README's claim follow from {PRICES}"))
    } else {
        Outcome::failed(format!("{} differ from {PRICES} and {POLICY}: `cargo xtask costs`", wrong.join(" and ")))
    })
}

/// The files as they are and as they should be.
fn computed(gate: &Gate) -> anyhow::Result<[Written; 3]> {
    let read = |path: &str| std::fs::read_to_string(gate.root.join(path)).with_context(|| format!("read {path}"));
    let table = prices::Table::read(&read(PRICES)?).context(PRICES)?;
    let policy = serde_json::from_str(&read(POLICY)?).with_context(|| format!("read {POLICY} as a policy"))?;
    let costs = Costs { table: &table, policy: &policy };
    let (readme, dashboard) = (read(README)?, read(DASHBOARD)?);
    // A page that is missing differs as one that is wrong does.
    let page = std::fs::read_to_string(gate.root.join(PAGE)).unwrap_or_default();
    Ok([
        Written { path: PAGE, is: page, should_be: costs.page()? },
        Written { path: README, should_be: with_claim(&readme, &claim(&costs)?)?, is: readme },
        Written { path: DASHBOARD, should_be: with_price(&dashboard, &table)?, is: dashboard },
    ])
}

/// The README's section.
fn claim(costs: &Costs<'_>) -> anyhow::Result<String> {
    let [low, high] = OUTAGES;
    let assumed = &costs.table.assumed;
    Ok(paragraph(&format!(
        "In AWS's region {region} the cloud costs about **{sum} USD a month** while what every account has free is left for it: in \
         launch mode, with {images} images of {image} GB kept, a `{machine}`, and a laptop that is away {low} of the time, in \
         {failovers} failovers; {more} USD at {high}. In an account whose free parts are used up it is {bare} USD, most of that \
         for the watchdog and the table. Nothing has been built or billed yet, so the image's size is assumed, and the price of \
         its snapshots is not confirmed. [docs/costs.md](docs/costs.md) has the sums, the assumptions and the sources; the gate \
         holds it and this paragraph to [docs/prices.json](docs/prices.json).",
        region = costs.table.default.region,
        sum = cents(costs.claim(low)?),
        more = cents(costs.claim(high)?),
        bare = cents(costs.without_free(low)?),
        images = assumed.images_kept.value,
        image = assumed.image_gb.value,
        machine = costs.table.default.machine,
        failovers = assumed.failovers.value,
        low = share(low),
        high = share(high),
    )))
}

/// The dashboard with the default machine's price in the panel that counts by it.
fn with_price(dashboard: &str, table: &prices::Table) -> anyhow::Result<String> {
    let machine = table.machine()?;
    let about = format!(
        "Hours of a {} on demand in {}, from docs/prices.json. The rest of the bill: docs/costs.md.",
        machine.kind, table.default.region
    );
    let written = [
        ("\"description\": \"Hours of a ", about),
        ("\"expr\": \"max(watchdog_cloud_seconds_month) / 3600 * ", {
            format!("max(watchdog_cloud_seconds_month) / 3600 * {}", machine.price.usd)
        }),
    ];
    let mut lines: Vec<String> = dashboard.lines().map(str::to_owned).collect();
    for (begins, text) in written {
        let line = lines.iter_mut().find(|line| line.trim_start().starts_with(begins));
        let line = line.with_context(|| format!("{DASHBOARD} has no line that begins {begins}"))?;
        let indent = line.len() - line.trim_start().len();
        let key = begins.split(':').next().unwrap_or_default();
        *line = format!("{}{key}: \"{text}\",", " ".repeat(indent));
    }
    Ok(lines.join("\n") + "\n")
}

/// The README with this text as the section's whole body.
fn with_claim(readme: &str, claim: &str) -> anyhow::Result<String> {
    let Some((before, after)) = readme.split_once(HEADING) else {
        bail!("{README} has no `{}`: put that heading where the claim belongs", HEADING.trim_end());
    };
    let Some(next) = after.find("\n## ") else {
        bail!("{README}: no section follows `{}`", HEADING.trim_end());
    };
    Ok(format!("{before}{HEADING}\n{claim}{}", &after[next..]))
}

/// The first line in which two texts differ, for people.
fn first_difference(is: &str, should_be: &str) -> Option<String> {
    if is == should_be {
        return None;
    }
    let (mut left, mut right) = (is.lines(), should_be.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (Some(one), Some(other)) if one == other => {}
            (None, None) => return Some("they differ in how their lines end".to_owned()),
            (one, other) => {
                let shown = |line: Option<&str>| line.map_or("no line".to_owned(), |line| format!("`{line}`"));
                return Some(format!("line {number} is {} and should be {}", shown(one), shown(other)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::month::tests::POLICY;
    use super::page::Costs;
    use super::prices::Table;
    use super::prices::tests::SHIPPED;
    use super::{claim, first_difference, with_claim};

    const README: &str = "# R\n\n## What it costs\n\nA penny.\nOr two.\n\n## After\n\nWords.\n";

    #[test]
    fn the_claim_replaces_its_section_and_nothing_else() {
        let written = with_claim(README, "A pound.\n").unwrap();
        assert_eq!(written, "# R\n\n## What it costs\n\nA pound.\n\n## After\n\nWords.\n");
        assert_eq!(with_claim(&written, "A pound.\n").unwrap(), written);
        assert!(with_claim("# R\n", "A pound.\n").unwrap_err().to_string().contains("## What it costs"));
        assert!(with_claim("## What it costs\n\nlast\n", "A pound.\n").is_err());
    }

    #[test]
    fn another_price_changes_the_claim_and_the_page() {
        let table = Table::read(SHIPPED).unwrap();
        let mut dearer = table.clone();
        dearer.prices.snapshot.usd *= 2.0;
        let texts = [&table, &dearer].map(|table| {
            let costs = Costs { table, policy: &POLICY };
            (claim(&costs).unwrap(), costs.page().unwrap())
        });
        assert_ne!(texts[0].0, texts[1].0);
        assert_ne!(texts[0].1, texts[1].1);
    }

    #[test]
    fn the_claim_is_the_sum_on_the_page() {
        let table = Table::read(SHIPPED).unwrap();
        let page = Costs { table: &table, policy: &POLICY }.page().unwrap();
        let sum = page.split_once("| **sum** | | **").unwrap().1.split_once("**").unwrap().0.parse::<f64>().unwrap();
        let said = claim(&Costs { table: &table, policy: &POLICY }).unwrap();
        assert!(said.contains(&format!("**{sum:.2} USD a month**")), "{said}");
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "line 2 is `b` and should be `c`");
        assert_eq!(first_difference("a\n", "a\nc\n").unwrap(), "line 2 is no line and should be `c`");
        assert!(first_difference("a", "a\n").is_some());
    }
}
