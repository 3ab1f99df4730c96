//! The page and the file say the same: the table of numbers in `docs/protocol.md` against `policy.json`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

const PAGE: &str = "docs/protocol.md";
const FILE: &str = "crates/failover/policy.json";
const HEADING: &str = "## Numbers";

/// Compares key by key, both ways.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let read = |path: &str| std::fs::read_to_string(gate.root.join(path)).with_context(|| format!("read {path}"));
    let (page, file) = (numbers_of_page(&read(PAGE)?)?, numbers_of_file(&read(FILE)?)?);
    let differences = differences(&page, &file);
    for difference in &differences {
        log.say(difference)?;
    }
    Ok(match differences.first() {
        None => Outcome::passed(format!("{} numbers are the same on the page and in the file", file.len())),
        Some(first) => Outcome::failed(format!("{} differences, first: {first}", differences.len())),
    })
}

/// Key and value of every row of the table below the heading.
fn numbers_of_page(page: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let Some((_, section)) = page.split_once(HEADING) else {
        bail!("{PAGE} has no `{HEADING}`");
    };
    let mut numbers = BTreeMap::new();
    let rows = section.lines().skip(1).take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    // The first two rows are the heading of the table and the rule below it.
    for row in rows.skip(2) {
        let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        let (Some(key), Some(value), Some(why)) = (cells.next(), cells.next(), cells.next()) else {
            bail!("{PAGE}: a row of the table of numbers has no three cells: {row}");
        };
        if why.is_empty() {
            bail!("{PAGE}: {key} has no reason");
        }
        if numbers.insert(key.clone(), value).is_some() {
            bail!("{PAGE}: {key} stands in the table twice");
        }
    }
    Ok(numbers)
}

fn numbers_of_file(file: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let Value::Object(object) = serde_json::from_str(file).with_context(|| format!("read {FILE} as JSON"))? else {
        bail!("{FILE} is no JSON object");
    };
    let plain = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    Ok(object.into_iter().map(|(key, value)| (key, plain(value))).collect())
}

fn differences(page: &BTreeMap<String, String>, file: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in file {
        match page.get(key) {
            None => found.push(format!("{key} is in {FILE} ({value}) and not in {PAGE}")),
            Some(told) if told != value => found.push(format!("{key} is {value} in {FILE} and {told} in {PAGE}")),
            Some(_) => {}
        }
    }
    let only_told = page.keys().filter(|key| !file.contains_key(*key));
    found.extend(only_told.map(|key| format!("{key} is in {PAGE} and not in {FILE}")));
    found
}

#[cfg(test)]
mod tests {
    use super::{differences, numbers_of_file, numbers_of_page};

    const PAGE: &str = "\
# The protocol
| not | this | table |
|---|---|---|
| ttl_ms | 1 | no |
## Numbers
Some words.

| key | value | why |
|---|---|---|
| `ttl_ms` | 30000 | three renewals |
| `preferred` | laptop | it is free |

## After
| late | 1 | not this either |
";

    #[test]
    fn a_page_and_a_file_that_agree_have_no_differences() {
        let file = numbers_of_file(r#"{"preferred": "laptop", "ttl_ms": 30000}"#).unwrap();
        assert_eq!(file.len(), 2);
        assert!(differences(&numbers_of_page(PAGE).unwrap(), &file).is_empty());
    }

    #[test]
    fn another_value_and_a_key_on_one_side_only_are_told() {
        let file = numbers_of_file(r#"{"ttl_ms": 30001, "drain_ms": 1000}"#).unwrap();
        let found = differences(&numbers_of_page(PAGE).unwrap(), &file);
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with("drain_ms is in crates/failover/policy.json (1000) and not in"), "{found:?}");
        assert!(found[1].contains("30001") && found[1].contains("30000"), "{found:?}");
        assert!(found[2].starts_with("preferred is in docs/protocol.md and not in"), "{found:?}");
    }

    #[test]
    fn a_page_without_the_table_or_with_a_repeated_or_unreasoned_row_is_refused() {
        assert!(numbers_of_page("# The protocol\n").is_err());
        let head = "## Numbers\n| key | value | why |\n|---|---|---|\n";
        assert!(numbers_of_page(&format!("{head}| a | 1 | x |\n| a | 2 | y |\n")).is_err());
        assert!(numbers_of_page(&format!("{head}| a | 1 | |\n")).is_err());
        assert!(numbers_of_page(&format!("{head}| a | 1 |\n")).is_err());
    }
}
