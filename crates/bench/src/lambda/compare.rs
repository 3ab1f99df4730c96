//! Both functions, one after the other, and their figures side by side.

use std::process::Command;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::account::LittleAws;
use super::sandbox::Sandbox;

/// Time for one look and no second one: see `relais-watchdog-lambda`'s `schedule`.
const ONE_LOOK: f64 = 7.0;

/// What one function came to. Medians.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Whose.
    pub name: &'static str,
    /// The package that is uploaded, bytes.
    pub package_bytes: u64,
    /// From the process's start to its first question for work.
    pub start_us: u64,
    /// The slowest of these.
    pub start_longest_us: u64,
    /// Resident memory when it first asks for work, KiB.
    pub idle_kib: u64,
    /// The most resident memory over all looks, KiB.
    pub peak_kib: u64,
    /// The first look of a sandbox: secrets and connections included.
    pub first_tick_us: u64,
    /// One look of a warm sandbox.
    pub tick_us: u64,
}

/// Starts it so many times, and looks so many times in the last sandbox.
///
/// # Errors
/// It does not start, or an invocation fails.
pub async fn measure(
    name: &'static str,
    package_bytes: u64,
    command: impl Fn(&LittleAws) -> Command,
    starts: usize,
    looks: usize,
) -> anyhow::Result<Figures> {
    let (mut started, mut idle, mut first, mut ticks, mut peak) = (vec![], vec![], vec![], vec![], 0);
    for number in 1..=starts.max(1) {
        let aws = LittleAws::with_the_laptop_gone(1.0).await?;
        let mut sandbox = Sandbox::start(command(&aws), &aws).await?;
        started.push(sandbox.first_poll().await?);
        idle.push(sandbox.memory()?.now_kib);
        let last = number == starts.max(1);
        for look in 0..if last { looks.max(2) } else { 1 } {
            let invoked = sandbox.invoke(json!({ "reason": "schedule" }), ONE_LOOK).await?;
            anyhow::ensure!(invoked.good, "{name}: {}", invoked.said);
            if look == 0 { first.push(invoked.took) } else { ticks.push(invoked.took) }
        }
        peak = peak.max(sandbox.memory()?.peak_kib);
    }
    idle.sort_unstable();
    Ok(Figures {
        name,
        package_bytes,
        start_longest_us: started.iter().max().map_or(0, |longest| micros(*longest)),
        start_us: median(started),
        idle_kib: idle[idle.len() / 2],
        peak_kib: peak,
        first_tick_us: median(first),
        tick_us: median(ticks),
    })
}

fn median(mut all: Vec<Duration>) -> u64 {
    all.sort_unstable();
    all.get(all.len() / 2).map_or(0, |middle| micros(*middle))
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The goals of the watchdog's package, as they are missed, in words.
#[must_use]
pub fn missed(own: &Figures) -> Vec<String> {
    let above = |what: &str, figure: u64, goal: u64, unit: &str| {
        (figure > goal).then(|| format!("{what} is {figure} {unit}, the goal is {goal}"))
    };
    [
        above("the package", own.package_bytes, 5_000_000, "bytes"),
        above("the start", own.start_us, 20_000, "us"),
        above("resident memory", own.peak_kib, 25 * 1024, "KiB"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// For people: a row a figure, the ratio last.
#[must_use]
pub fn table(own: &Figures, other: Option<&Figures>) -> String {
    let names = other.map_or_else(String::new, |other| format!("{:>14}{:>10}", other.name, "ratio"));
    let mut text = format!("{:<32}{:>14}{names}\n", "", own.name);
    for ((what, mine), theirs) in
        rows(own).iter().zip(other.map_or([None; 7], |other| rows(other).map(|(_, figure)| Some(figure))))
    {
        #[expect(clippy::cast_precision_loss, reason = "bytes and microseconds of a short run")]
        let compared = theirs
            .map_or_else(String::new, |theirs| format!("{theirs:>14}{:>10.3}", *mine as f64 / theirs.max(1) as f64));
        text += &format!("{what:<32}{mine:>14}{compared}\n");
    }
    text
}

/// For programs.
#[must_use]
pub fn json(own: &Figures, other: Option<&Figures>) -> Value {
    json!({ "schema": 1, "watchdog": own, "python": other })
}

const fn rows(figures: &Figures) -> [(&'static str, u64); 7] {
    [
        ("package, bytes", figures.package_bytes),
        ("start to first /next, us", figures.start_us),
        ("  the longest, us", figures.start_longest_us),
        ("memory at first /next, KiB", figures.idle_kib),
        ("memory at its peak, KiB", figures.peak_kib),
        ("first look of a sandbox, us", figures.first_tick_us),
        ("a look of a warm sandbox, us", figures.tick_us),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            name: "relais",
            package_bytes: 4_000_000,
            start_us: 9_000,
            start_longest_us: 30_000,
            idle_kib: 9_000,
            peak_kib: 20_000,
            first_tick_us: 30_000,
            tick_us: 2_000,
        }
    }

    #[test]
    fn a_goal_that_is_missed_is_named() {
        assert!(missed(&figures()).is_empty());
        let slow = Figures { start_us: 20_001, package_bytes: 5_000_001, ..figures() };
        let words = missed(&slow).join("; ");
        assert!(words.contains("the package is 5000001 bytes") && words.contains("the start is 20001 us"), "{words}");
    }

    #[test]
    fn the_table_has_ratios_where_there_is_something_to_compare_with() {
        let twice = Figures { tick_us: 4_000, name: "python", ..figures() };
        let text = table(&figures(), Some(&twice));
        assert!(text.lines().last().unwrap().ends_with("0.500"), "{text}");
        assert!(!table(&figures(), None).contains("ratio"));
    }

    #[test]
    fn the_middle_one_counts() {
        let span = Duration::from_micros;
        assert_eq!(median(vec![span(9), span(1), span(5)]), 5);
        assert_eq!(median(Vec::new()), 0);
    }
}
