//! `k8s/`: every overlay is rendered, held to the schemas of five Kubernetes versions and to our own rules, and then broken in
//! one place at a time to show that the rules would notice. Rules of Prometheus are checked and tested by promtool, the
//! programs' settings by the programs.
//!
//! Reading order: the objects of one overlay ([`set`]), what every pod must be ([`pods`]) and is made of ([`images`]), what
//! objects say of each other ([`wiring`]), who may do what ([`roles`]), whether all of it fits the machine ([`plan`]), what ArgoCD
//! is told ([`gitops`]), the rules' twins ([`breaks`]), what is counted ([`measures`]), metrics and alerts ([`metrics`]) also against
//! real processes ([`live`]), programs of
//! others ([`tools`]), and here the folders and the count.
//!
//! Deliberately absent: a cluster. What an API server, a scheduler and a kubelet make of all this is for `cluster` to show.

mod breaks;
mod gitops;
mod images;
mod kept;
pub(crate) mod live;
mod measures;
mod metrics;
mod overlays;
mod plan;
mod pods;
mod roles;
mod rules;
pub(crate) mod set;
pub(crate) mod tools;
mod wiring;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use self::measures::Measures;
use self::metrics::{Expression, Monitoring};
use self::overlays::Overlay;
use self::tools::{Prometheus, Renderer};
use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

const MONITORING: &str = "k8s/monitoring/base/prometheus";

/// What came of the parts so far.
struct Tally<'a> {
    log: &'a Log,
    passed: u64,
    failed: u64,
    notes: Vec<String>,
}

impl Tally<'_> {
    /// One thing that passes if nothing is said against it.
    fn judge(&mut self, what: &str, faults: &[String]) -> anyhow::Result<()> {
        for fault in faults {
            self.log.say(&format!("{what}: {fault}"))?;
        }
        self.passed += u64::from(faults.is_empty());
        self.failed += u64::from(!faults.is_empty());
        Ok(())
    }

    fn note(&mut self, note: String) -> anyhow::Result<()> {
        self.log.say(&note)?;
        self.notes.push(note);
        Ok(())
    }
}

/// Renders and judges everything; each rule in each overlay, each break of one, each version and each file of tests is one.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let renderer = match Renderer::found(gate, log)? {
        Ok(renderer) => renderer,
        Err(reason) => return Ok(Outcome::NotRun(reason)),
    };
    let copy = gate.reports.join("k8s");
    let overlays = overlays::rendered(gate, log, &renderer, &copy)?;
    let mut tally = Tally { log, passed: 0, failed: 0, notes: Vec::new() };
    let broken = rules::judge(&overlays, &mut tally)?;
    tally.notes.push(format!("{} overlays, {broken} broken ones refused", overlays.len()));
    schemas(gate, &overlays, &copy, &mut tally)?;
    settings(gate, &overlays, &copy, &mut tally)?;
    let monitoring = Monitoring::read(&gate.root)?;
    tally.judge("measures", &Measures::read(&gate.root)?.faults)?;
    tally.judge("metrics", &monitoring.unknown())?;
    tally.judge("alerts", &monitoring.untested())?;
    tally.judge("dashboards", &monitoring.odd_dashboards())?;
    for Overlay { set, .. } in overlays.iter().filter(|overlay| overlay.set.name.starts_with("monitoring/overlays")) {
        tally.judge(&format!("{}: carried", set.name), &metrics::left_out(&gate.root, set)?)?;
    }
    tally.note(monitoring.extent())?;
    promtool(gate, &monitoring.shown, &copy, &mut tally)?;
    Ok(Outcome::Ran { passed: tally.passed, failed: tally.failed, note: tally.notes.join("; ") })
}

/// Every object of Kubernetes' own fits the schemas; one with a key too many does not.
fn schemas(gate: &Gate, overlays: &[Overlay], copy: &Path, tally: &mut Tally<'_>) -> anyhow::Result<()> {
    let validator = match tools::validator(gate, tally.log)? {
        Ok(validator) => validator,
        Err(reason) => return tally.note(format!("schemas not run: {reason}")),
    };
    // ArgoCD's kinds are none of Kubernetes'; rules::judge has held them to a shape.
    let own = overlays.iter().filter(|overlay| overlay.set.of_kind("Application").next().is_none());
    let files: Vec<PathBuf> = own.map(|overlay| overlay.file.clone()).collect();
    let broken = copy.join("broken.yaml");
    let twin = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  slector:\n    a: b\n";
    std::fs::write(&broken, twin).with_context(|| format!("write {}", broken.display()))?;
    for version in tools::VERSIONS {
        let good = tools::fits(gate, tally.log, &validator, version, &files)?;
        tally.judge(version, (!good).then(|| "an object does not fit".to_owned()).as_slice())?;
        let blind = tools::fits(gate, tally.log, &validator, version, std::slice::from_ref(&broken))?;
        tally.judge(version, blind.then(|| "a key that does not exist is accepted".to_owned()).as_slice())?;
    }
    tally.note(format!("schemas of Kubernetes {}", tools::VERSIONS.join(", ")))
}

/// The programs accept their settings, and refuse them with a key too many.
fn settings(gate: &Gate, overlays: &[Overlay], copy: &Path, tally: &mut Tally<'_>) -> anyhow::Result<()> {
    for name in ["bot", "health"] {
        let program = match tools::program(gate, &format!("relais-{name}")) {
            Ok(program) => program,
            Err(reason) => {
                tally.note(format!("settings not run: {reason}"))?;
                continue;
            }
        };
        for (overlay, text) in overlays.iter().filter_map(|overlay| Some((overlay, overlay.settings(name)?))) {
            let good = overlays::with_secrets_beside(text, copy)?;
            let bad = good.replacen("\"site\"", "\"sight\"", 1);
            let ask = |kind: &str, text: &str| -> anyhow::Result<_> {
                let file = copy.join(format!("{name}-{kind}.json"));
                std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
                let mut command = gate.command(&program);
                command.arg("--check-config").arg("--config").arg(&file);
                tally.log.run(command, None)
            };
            let (good, bad) = (ask("good", &good)?, ask("bad", &bad)?);
            let refused = !bad.success && bad.text.contains("sight");
            let what = format!("{}: settings of {name}", overlay.set.name);
            tally.judge(&what, (!good.success).then(|| "refused".to_owned()).as_slice())?;
            tally.judge(&what, (!refused).then(|| "a key that is misspelt is accepted".to_owned()).as_slice())?;
        }
    }
    Ok(())
}

/// Prometheus accepts its settings, the rules, the dashboards' queries, and the rules pass their tests.
fn promtool(gate: &Gate, shown: &[Expression], copy: &Path, tally: &mut Tally<'_>) -> anyhow::Result<()> {
    let program = match Prometheus::found(gate, tally.log)? {
        Ok(found) => found.tool,
        Err(reason) => return tally.note(format!("rules not run: {reason}")),
    };
    let folder = gate.root.join(MONITORING);
    let mut run = |arguments: &[&str], files: &[PathBuf]| -> anyhow::Result<()> {
        let mut command = gate.command(&program);
        command.args(arguments).args(files);
        let finished = tally.log.run(command, None)?;
        tally.judge(&arguments.join(" "), (!finished.success).then_some(finished.ending).as_slice())
    };
    run(&["check", "config"], &[folder.join("prometheus.yml")])?;
    for tests in files(&folder.join("tests"))? {
        run(&["test", "rules"], &[tests])?;
    }
    // A query of a dashboard is checked as if it were recorded.
    let record = |(at, expression): (usize, &Expression)| serde_json::json!({ "record": format!("shown:{at}"), "expr": expression.text });
    let queries: Vec<_> = shown.iter().enumerate().map(record).collect();
    let file = copy.join("queries.json");
    let text = serde_json::json!({ "groups": [{ "name": "shown", "rules": queries }] }).to_string();
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    run(&["check", "rules"], &[file])
}
