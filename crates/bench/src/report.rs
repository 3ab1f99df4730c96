//! The figures side by side, their ratios and the goals.

use serde_json::{Value, json};

use crate::load::{Load, Measured};

/// Of discord.py's, at the highest rate.
pub const P99_GOAL: f64 = 1.0 / 3.0;
/// Of discord.py's.
pub const MEMORY_GOAL: f64 = 1.0 / 4.0;

/// Relais in proportion to another bot: below one is better.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratios {
    /// Of the 99th percentile at the highest rate; `None` where one of the two lost that answer.
    pub p99: Option<f64>,
    /// Of the peak of resident memory.
    pub memory: f64,
    /// Of resident memory before the load, which no queue has swollen.
    pub idle: f64,
    /// Of the time from start to first answer.
    pub start: f64,
    /// Of the processor time for a question at the highest rate.
    pub processor: f64,
}

impl Ratios {
    /// Of `own` to `other`.
    #[must_use]
    pub fn new(own: &Measured, other: &Measured) -> Self {
        let (mine, theirs) = (own.loads.last(), other.loads.last());
        let p99 = |load: Option<&Load>| load?.summary.p99_us;
        let processor = |load: Option<&Load>| load.map_or(0, |load| load.processor_us_per_1000);
        Self {
            p99: p99(mine).zip(p99(theirs)).map(|(mine, theirs)| ratio(mine, theirs)),
            memory: ratio(own.peak_kib, other.peak_kib),
            idle: ratio(own.idle_kib, other.idle_kib),
            start: ratio(own.start_us, other.start_us),
            processor: ratio(processor(mine), processor(theirs)),
        }
    }

    /// The goals that are missed, in words.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let above = |name: &str, ratio: Option<f64>, goal: f64| match ratio {
            Some(ratio) if ratio <= goal => None,
            Some(ratio) => Some(format!("{name} is {ratio:.2} of discord.py's, the goal is {goal:.2}")),
            None => Some(format!("{name} has no ratio: an answer was lost")),
        };
        [above("p99", self.p99, P99_GOAL), above("memory", Some(self.memory), MEMORY_GOAL)]
            .into_iter()
            .flatten()
            .collect()
    }

    fn json(&self) -> Value {
        json!({ "p99": self.p99, "memory": self.memory, "idle_memory": self.idle, "start": self.start, "processor": self.processor })
    }
}

fn ratio(own: u64, other: u64) -> f64 {
    // Figures of a benchmark are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "microseconds and KiB of a short run")]
    let (own, other) = (own as f64, other.max(1) as f64);
    own / other
}

/// Everything, for programs.
#[must_use]
pub fn json(measured: &[Measured], ratios: Option<&Ratios>) -> Value {
    json!({ "schema": 1, "measured": measured, "ratios": ratios.map(Ratios::json) })
}

/// Everything, for people.
#[must_use]
pub fn table(measured: &[Measured], ratios: Option<&Ratios>) -> String {
    let mut rows: Vec<Vec<String>> =
        vec![std::iter::once(String::new()).chain(measured.iter().map(|one| one.name.to_owned())).collect()];
    let mut row = |name: String, figure: &dyn Fn(&Measured) -> String| {
        rows.push(std::iter::once(name).chain(measured.iter().map(figure)).collect());
    };
    row("start to first answer, ms".to_owned(), &|one| thousandths(one.start_us));
    row("memory before the load, MiB".to_owned(), &|one| mebibytes(one.idle_kib));
    row("memory at its peak, MiB".to_owned(), &|one| mebibytes(one.peak_kib));
    let loads = measured.first().map_or(0, |one| one.loads.len());
    for i in 0..loads {
        let rate = measured.first().and_then(|one| one.loads.get(i)).map_or(0, |load| load.rate);
        let mut figure = |name: &str, of: &dyn Fn(&Load) -> String| {
            row(format!("{rate}/s: {name}"), &|one| one.loads.get(i).map(of).unwrap_or_default());
        };
        figure("p50, ms", &|load| percentile(load.summary.p50_us));
        figure("p90, ms", &|load| percentile(load.summary.p90_us));
        figure("p99, ms", &|load| percentile(load.summary.p99_us));
        figure("longest, ms", &|load| percentile(load.summary.max_us));
        figure("answers after Discord's 3 s", &|load| load.summary.late.to_string());
        figure("asked", &|load| load.summary.asked.to_string());
        figure("lost / doubled / wrong", &|load| {
            format!("{} / {} / {}", load.summary.lost, load.summary.doubled, load.summary.wrong)
        });
        figure("processor per 1000, ms", &|load| thousandths(load.processor_us_per_1000));
        figure("load server late by at most, ms", &|load| thousandths(load.behind_us));
    }
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=measured.len()).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells =
            cells.map(|(i, (cell, &width))| if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        cells.collect::<Vec<_>>().join("  ")
    };
    let mut text: Vec<String> = rows.iter().map(line).collect();
    if let Some(ratios) = ratios {
        let p99 = ratios.p99.map_or_else(|| "none, an answer was lost".to_owned(), |ratio| format!("{ratio:.3}"));
        let Ratios { memory, idle, start, processor, .. } = ratios;
        text.push(format!(
            "relais / discord.py: p99 {p99} (goal {P99_GOAL:.2}), memory {memory:.3} (goal {MEMORY_GOAL:.2}), \
             memory before the load {idle:.3}, start {start:.3}, processor {processor:.3}"
        ));
    }
    text.join("\n")
}

fn percentile(micros: Option<u64>) -> String {
    micros.map_or_else(|| "lost".to_owned(), thousandths)
}

fn thousandths(number: u64) -> String {
    format!("{}.{:02}", number / 1000, number % 1000 / 10)
}

fn mebibytes(kib: u64) -> String {
    format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Summary;

    fn one(name: &'static str, p99_us: Option<u64>, peak_kib: u64) -> Measured {
        let summary = Summary { asked: 10, p99_us, ..Summary::default() };
        let load = Load { rate: 7, summary, processor_us_per_1000: 500, behind_us: 20 };
        Measured { name, start_us: 12_340, idle_kib: 1024, peak_kib, loads: vec![load] }
    }

    #[test]
    fn goals_are_judged_by_the_ratio() {
        let other = one("discord.py", Some(9_000), 40_960);
        let good = Ratios::new(&one("relais", Some(3_000), 10_240), &other);
        assert_eq!((good.p99, good.memory, good.start, good.processor), (Some(1.0 / 3.0), 0.25, 1.0, 1.0));
        assert_eq!(good.missed(), Vec::<String>::new());
        let bad = Ratios::new(&one("relais", Some(3_100), 10_300), &other);
        assert_eq!(bad.missed().len(), 2);
        let lost = Ratios::new(&one("relais", Some(3_000), 10_240), &one("discord.py", None, 40_960));
        assert_eq!(lost.missed(), ["p99 has no ratio: an answer was lost"]);
    }

    #[test]
    fn the_table_has_a_column_for_each_and_the_ratios_below() {
        let (own, other) = (one("relais", Some(3_000), 10_240), one("discord.py", None, 40_960));
        let ratios = Ratios::new(&own, &other);
        let text = table(&[own, other], Some(&ratios));
        assert!(text.contains("memory at its peak, MiB"), "{text}");
        assert!(
            text.lines().any(|line| line.starts_with("7/s: p99, ms") && line.ends_with("3.00        lost")),
            "{text}"
        );
        assert!(text.ends_with("start 1.000, processor 1.000"), "{text}");
        assert!(table(&[one("relais", Some(1), 1)], None).lines().count() > 10);
    }
}
