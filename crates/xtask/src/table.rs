//! What came of the steps, as a table for people and as two numbers.

use std::fmt::Write as _;

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran.
    Ran {
        /// Things that passed: 1 for a plain step, tests or scenes for those that have them.
        passed: u64,
        /// Things that failed.
        failed: u64,
        /// What was counted, or what went wrong.
        note: String,
    },
    /// It could not run here, and why.
    NotRun(String),
}

impl Outcome {
    /// A plain step that passed.
    pub(crate) fn passed(note: impl Into<String>) -> Self {
        Self::Ran { passed: 1, failed: 0, note: note.into() }
    }

    /// Two runs as one step: their counts together, and the later note.
    pub(crate) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Ran { passed, failed, .. }, Self::Ran { passed: more, failed: worse, note }) => {
                Self::Ran { passed: passed + more, failed: failed + worse, note }
            }
            (reason @ Self::NotRun(_), _) | (_, reason @ Self::NotRun(_)) => reason,
        }
    }

    /// A plain step that failed.
    pub(crate) fn failed(note: impl Into<String>) -> Self {
        Self::Ran { passed: 0, failed: 1, note: note.into() }
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) step: &'static str,
    pub(crate) seconds: f64,
    pub(crate) outcome: Outcome,
}

impl Row {
    pub(crate) const fn new(step: &'static str, seconds: f64, outcome: Outcome) -> Self {
        Self { step, seconds, outcome }
    }

    /// `passed`, `FAILED`, or `not run: …`.
    pub(crate) fn verdict(&self) -> String {
        match &self.outcome {
            Outcome::Ran { failed: 0, .. } => "passed".to_owned(),
            Outcome::Ran { .. } => "FAILED".to_owned(),
            Outcome::NotRun(reason) => format!("not run: {reason}"),
        }
    }
}

/// All passed and all failed.
pub(crate) fn totals(rows: &[Row]) -> (u64, u64) {
    rows.iter().fold((0, 0), |(all_passed, all_failed), row| match row.outcome {
        Outcome::Ran { passed, failed, .. } => (all_passed + passed, all_failed + failed),
        Outcome::NotRun(_) => (all_passed, all_failed),
    })
}

/// The table: step, result, count, seconds, note.
pub(crate) fn render(rows: &[Row]) -> String {
    let step = rows.iter().map(|row| row.step.len()).max().unwrap_or(0).max("step".len());
    let mut out = format!("{:<step$}  {:<6}  {:>11}  {:>7}  note\n", "step", "result", "count", "seconds");
    out.push_str(&"-".repeat(step + 36));
    out.push('\n');
    for row in rows {
        let verdict = row.verdict();
        // Writing to a string does not fail.
        let _ = match &row.outcome {
            Outcome::NotRun(_) => writeln!(out, "{:<step$}  {verdict}", row.step),
            Outcome::Ran { passed, failed, note } => {
                let count = format!("{passed} of {}", passed + failed);
                let note = note.lines().next().unwrap_or_default();
                let line = format!("{:<step$}  {verdict:<6}  {count:>11}  {:>7.1}  {note}", row.step, row.seconds);
                writeln!(out, "{}", line.trim_end())
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Row, render, totals};

    fn rows() -> Vec<Row> {
        vec![
            Row::new("fmt", 1.234, Outcome::passed("")),
            Row::new("tests", 61.0, Outcome::Ran { passed: 412, failed: 3, note: "7 in documentation".to_owned() }),
            Row::new("advisories", 2.0, Outcome::NotRun("no advisory database".to_owned())),
            Row::new("drill", 0.0, Outcome::failed("no binary\nsecond line")),
        ]
    }

    #[test]
    fn a_step_that_could_not_run_counts_on_neither_side() {
        assert_eq!(totals(&rows()), (413, 4));
    }

    #[test]
    fn the_table_shows_step_result_count_and_seconds() {
        let expected = "\
step        result        count  seconds  note
----------------------------------------------
fmt         passed       1 of 1      1.2
tests       FAILED   412 of 415     61.0  7 in documentation
advisories  not run: no advisory database
drill       FAILED       0 of 1      0.0  no binary
";
        assert_eq!(render(&rows()), expected);
    }
}
