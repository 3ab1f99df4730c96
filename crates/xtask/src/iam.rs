//! The proof about rights: the policies that Terraform renders, decided by an evaluator of IAM's rules over a table of
//! requests, and then changed one part at a time to show that the table would notice.
//!
//! Reading order: the table ([`table`], `iam/requests.txt`), where the policies come from ([`rendered`]), what they say
//! ([`policy`], [`condition`], [`keys`], [`pattern`]), the decision ([`evaluate`]), the changes ([`changes`]).
//!
//! Deliberately absent: policies of an organisation, permission boundaries, sessions, policies of keys and buckets. None is
//! made here. AWS itself was not asked: this shows what the documents say, not that AWS supplies every key as it documents.

mod changes;
mod condition;
mod evaluate;
mod keys;
mod pattern;
mod policy;
mod rendered;
mod table;

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};

use self::evaluate::{Besides, Verdict, decide};
use self::policy::Document;
use self::rendered::Rendered;
use self::table::{Expected, Row, Who};

const TABLE: &str = include_str!("iam/requests.txt");
/// A table that somebody emptied by mistake proves nothing.
const LEAST_ROWS: usize = 60;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Requests, each in each of its modes, that were decided as the table says.
    pub(crate) passed: u64,
    /// The others, and changes that no request noticed, in words.
    pub(crate) failures: Vec<String>,
    /// Changes that were noticed.
    pub(crate) changes: u64,
}

/// Judges what `terraform test -json -verbose` said about the runs, which are named by mode.
///
/// # Errors
/// If a policy or the table is not understood.
pub(crate) fn judge(output: &str) -> anyhow::Result<Report> {
    let rows = table::parse(TABLE).context("read crates/xtask/src/iam/requests.txt")?;
    ensure!(rows.len() >= LEAST_ROWS, "the table has {} requests only", rows.len());
    let runs = rendered::runs(output)?;
    let asked: BTreeSet<&String> = rows.iter().flat_map(|row| &row.modes).collect();
    let made: BTreeSet<&String> = runs.keys().collect();
    ensure!(asked == made, "the table asks in the modes {asked:?}, terraform test has the runs {made:?}");
    let mut report = Report::default();
    for (mode, rendered) in &runs {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.modes.contains(mode)).collect();
        report.ask(mode, rendered, &rows)?;
        report.change(mode, rendered, &rows)?;
    }
    Ok(report)
}

impl Report {
    fn ask(&mut self, mode: &str, rendered: &Rendered, rows: &[&Row]) -> anyhow::Result<()> {
        for row in rows {
            let title = || format!("{mode}: {}", row.title);
            let documents = documents(rendered, &row.who).with_context(title)?;
            let (verdict, kept) = kept(&documents, row).with_context(title)?;
            if kept {
                self.passed += 1;
            } else {
                self.failures.push(format!("{}: expected {:?}, is {verdict:?}", title(), row.expected));
            }
        }
        Ok(())
    }

    fn change(&mut self, mode: &str, rendered: &Rendered, rows: &[&Row]) -> anyhow::Result<()> {
        for original in rendered.identities.values().flatten().chain(rendered.resources.values()) {
            for change in changes::of(original) {
                let mut noticed = false;
                for row in rows {
                    let mut documents = documents(rendered, &row.who)?;
                    let Some(place) = documents.iter().position(|document| *document == original) else { continue };
                    documents[place] = &change.document;
                    if !kept(&documents, row)?.1 {
                        noticed = true;
                        break;
                    }
                }
                if noticed {
                    self.changes += 1;
                } else {
                    self.failures.push(format!("{mode}: no request notices {}", change.what));
                }
            }
        }
        Ok(())
    }
}

fn documents<'a>(rendered: &'a Rendered, who: &Who) -> anyhow::Result<Vec<&'a Document>> {
    match who {
        Who::Identity(name) => {
            let documents =
                rendered.identities.get(name).with_context(|| format!("there is no user or role {name}"))?;
            Ok(documents.iter().collect())
        }
        Who::Service { at, .. } => {
            let document = rendered.resources.get(at).with_context(|| format!("there is no policy at {at}"))?;
            Ok(vec![document])
        }
    }
}

/// The verdict on a row, and whether it is what the table says. A refusal must not hang on a guard, nor a guard on it.
fn kept(documents: &[&Document], row: &Row) -> anyhow::Result<(Verdict, bool)> {
    let decide = |besides| decide(documents, &row.request, besides);
    Ok(match row.expected {
        Expected::Allowed => {
            let verdict = decide(Besides::Nothing)?;
            (verdict, verdict == Verdict::Allowed)
        }
        Expected::Refused => {
            let verdict = decide(Besides::NoGuards)?;
            (verdict, verdict == Verdict::NotAllowed)
        }
        Expected::Guarded => match decide(Besides::NoGuards)? {
            Verdict::NotAllowed => {
                let verdict = decide(Besides::Granted)?;
                (verdict, verdict == Verdict::Denied)
            }
            verdict => (verdict, false),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::policy::{Document, Kind};
    use super::rendered::Rendered;
    use super::{LEAST_ROWS, Report, Row, TABLE, judge, table};

    const REQUESTS: &str = "\
stops a machine
  as watchdog
  in stopped
  do ec2:StopInstances
  on machine arn:aws:ec2:eu-west-3:1:instance/i-1 aws:ResourceTag/Project=relais
  not in another account: on machine arn:aws:ec2:eu-west-3:2:instance/i-1
  never an untagged one: on machine -aws:ResourceTag/Project
";

    /// The report on a policy with these conditions, the first for the right and the second for the guard.
    fn report(allowed: &str, guard: &str) -> Report {
        let condition = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
        let machines = "arn:aws:ec2:eu-west-3:1:instance/*";
        let text = json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "A", "Effect": "Allow", "Action": "ec2:StopInstances", "Resource": machines, "Condition": condition(allowed) },
            { "Sid": "D", "Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "*", "Condition": condition(guard) },
        ] });
        let document = Document::parse("x", &text.to_string(), Kind::Identity).unwrap();
        let mut rendered = Rendered::default();
        rendered.identities.insert("watchdog".to_owned(), vec![document]);
        let rows = table::parse(REQUESTS).unwrap();
        let rows: Vec<&Row> = rows.iter().collect();
        let mut report = Report::default();
        report.ask("stopped", &rendered, &rows).unwrap();
        report.change("stopped", &rendered, &rows).unwrap();
        report
    }

    const OURS: &str = r#"{"StringEquals":{"aws:ResourceTag/Project":"relais"}}"#;
    const NOT_OURS: &str = r#"{"StringNotEquals":{"aws:ResourceTag/Project":"relais"}}"#;

    #[test]
    fn what_is_as_the_table_says_is_counted() {
        let report = report(OURS, NOT_OURS);
        assert_eq!((report.passed, report.failures), (3, Vec::<String>::new()));
        assert_eq!(report.changes, 5);
    }

    #[test]
    fn a_right_that_only_a_guard_holds_back_is_a_failure() {
        let report = report("{}", NOT_OURS);
        assert_eq!(report.failures, ["stopped: stops a machine: never an untagged one: expected Guarded, is Allowed"]);
    }

    #[test]
    fn a_guard_that_does_not_hold_is_a_failure() {
        let report = report(OURS, r#"{"StringEquals":{"aws:ResourceTag/Project":"other"}}"#);
        assert!(
            report.failures[0].ends_with("never an untagged one: expected Guarded, is Allowed"),
            "{:?}",
            report.failures
        );
    }

    #[test]
    fn a_condition_that_nobody_would_miss_is_a_failure() {
        let more =
            r#"{"StringEquals":{"aws:ResourceTag/Project":"relais"},"StringNotEquals":{"aws:ResourceTag/Role":"x"}}"#;
        let failures = report(more, NOT_OURS).failures;
        assert_eq!(failures, ["stopped: no request notices x A: without StringNotEquals aws:ResourceTag/Role"]);
    }

    #[test]
    fn the_table_is_read_and_long_enough() {
        assert!(table::parse(TABLE).unwrap().len() >= LEAST_ROWS);
        assert!(judge("").is_err());
    }
}
