//! What runs at GitHub: every action is one known commit, and nothing may do more than it needs.

use std::ffi::OsStr;

use anyhow::{Context as _, ensure};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

/// What one job may be given beyond reading, and nothing else ever.
const ENTITLED: &[(&str, &str)] = &[("publish", "id-token")];

/// Judges every file of `.github/workflows`.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let folder = gate.root.join(".github/workflows");
    let paths = files(&folder)?;
    ensure!(paths.len() >= 3, "only {} workflows were found", paths.len());
    let mut failed = 0;
    for path in &paths {
        let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let faults = faults(name, &text).with_context(|| format!("read {}", path.display()))?;
        for fault in &faults {
            log.say(&format!("{name}: {fault}"))?;
        }
        failed += u64::from(!faults.is_empty());
    }
    let note = format!("{} workflows", paths.len());
    Ok(Outcome::Ran { passed: paths.len() as u64 - failed, failed, note })
}

/// What is wrong with one workflow.
fn faults(name: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let workflow = Value::deserialize(serde_norway::Deserializer::from_str(text)).context("read YAML")?;
    let mut faults = Vec::new();
    if ["pull_request_target", "workflow_run"].iter().any(|event| workflow.pointer(&format!("/on/{event}")).is_some()) {
        faults.push("runs what others propose with this repository's rights".to_owned());
    }
    let base = workflow.get("permissions");
    if ![Some(&json!({})), Some(&json!({"contents": "read"}))].contains(&base) {
        faults.push("says no permissions, or more than to read the repository".to_owned());
    }
    let empty = Map::new();
    let jobs = workflow.get("jobs").and_then(Value::as_object).unwrap_or(&empty);
    ensure!(!jobs.is_empty(), "there are no jobs");
    for (title, job) in jobs {
        if job.get("timeout-minutes").is_none() {
            faults.push(format!("{title} has no timeout-minutes"));
        }
        for (right, level) in job.get("permissions").and_then(Value::as_object).unwrap_or(&empty) {
            let reads = right == "contents" && level == "read";
            if !reads && !ENTITLED.contains(&(name, right.as_str())) {
                faults.push(format!("{title} may {level} {right}"));
            }
        }
        for step in job.get("steps").and_then(Value::as_array).into_iter().flatten() {
            faults.extend(faults_of_step(step).into_iter().map(|fault| format!("{title}: {fault}")));
        }
    }
    let pinned = text.lines().filter(|line| line.contains("uses: "));
    let nameless = pinned.filter(|line| !line.contains(" # v"));
    faults.extend(nameless.map(|line| format!("{} does not say its version", line.trim())));
    Ok(faults)
}

fn faults_of_step(step: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let of = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    let (uses, run) = (of("uses"), of("run"));
    if uses.is_empty() == run.is_empty() {
        faults.push("a step that neither uses nor runs something, or both".to_owned());
    }
    let is_commit = |word: &str| word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pinned = uses.split_once('@').is_some_and(|(_, commit)| is_commit(commit));
    if !uses.is_empty() && !pinned {
        faults.push(format!("{uses} is not one commit"));
    }
    if uses.starts_with("actions/checkout@") && step.pointer("/with/persist-credentials") != Some(&json!(false)) {
        faults.push("checkout leaves its token behind: set persist-credentials false".to_owned());
    }
    // A value that somebody else writes would be run as a command.
    if run.contains("${{") {
        faults.push("a command with a value put into it: hand it over in env".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::faults;

    const GOOD: &str = "\
on:
  push:
permissions:
  contents: read
jobs:
  one:
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: make
";

    #[test]
    fn what_is_pinned_and_narrow_is_good() {
        assert_eq!(faults("check", GOOD).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_be_wide_is_told() {
        for (what, good, bad) in [
            ("a tag", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7"),
            ("no version", " # v7.0.1", ""),
            ("a token that stays", "persist-credentials: false", "fetch-depth: 1"),
            ("a right to write", "contents: read", "contents: write"),
            ("no permissions", "permissions:\n  contents: read\n", ""),
            ("no end", "timeout-minutes: 5", "name: x"),
            ("a value in a command", "run: make", "run: echo ${{ inputs.version }}"),
            ("what others propose", "push:", "pull_request_target:"),
            ("a job with rights", "timeout-minutes: 5", "timeout-minutes: 5\n    permissions: {id-token: write}"),
        ] {
            let broken = GOOD.replacen(good, bad, 1);
            assert_ne!(broken, GOOD, "{what}");
            assert_eq!(faults("check", &broken).unwrap().len(), 1, "{what}: {broken}");
        }
    }

    #[test]
    fn only_publishing_may_ask_who_it_is() {
        let text = GOOD.replacen("timeout-minutes: 5", "timeout-minutes: 5\n    permissions: {id-token: write}", 1);
        assert_eq!(faults("publish", &text).unwrap(), Vec::<String>::new());
    }
}
