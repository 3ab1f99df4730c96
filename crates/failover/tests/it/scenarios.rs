//! Timelines in words: `tests/scenarios/*.txt`. One input, one exact output.
//!
//! A file begins with comments (`#`), then `holder SITE` or `watchdog [probe-only]`, then lines
//! `SECONDS  event -> what comes of it`. To write the right-hand sides anew after a change that is meant, run the tests
//! with `REWRITE=1` and read the difference.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use relais_failover::{
    Claim, ControlMode, ControlRecord, HandbackRecord, Incarnation, LeaseRecord, Policy, SavedSession, Site, Term,
    Version, WallClock,
};

use super::{holder_lines::HolderLines, watchdog_lines::WatchdogLines};

/// What runs a file: one event in words to its outcome in words.
pub(crate) trait Lines {
    fn line(&mut self, at: u64, event: &str) -> String;
}

/// Fewer files than this would be a hole in the promise, not a tidier folder.
const AT_LEAST: usize = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test reads a wish of the person who runs it, the core reads nothing"
)]
fn rewrite() -> bool {
    std::env::var("REWRITE").is_ok()
}

fn run(text: &str) -> String {
    let mut lines: Option<Box<dyn Lines>> = None;
    let mut policy: serde_json::Value = serde_json::from_str(relais_failover::policy::EMBEDDED).unwrap();
    let mut out = String::new();
    for line in text.lines() {
        let words = line.trim();
        if words.is_empty() || words.starts_with('#') {
            writeln!(out, "{line}").unwrap();
        } else if let Some(number) = words.strip_prefix("policy ") {
            let (key, value) = number.split_once(' ').unwrap();
            policy[key] = value.parse::<u64>().unwrap().into();
            writeln!(out, "{words}").unwrap();
        } else if let Some(site) = words.strip_prefix("holder ") {
            lines = Some(Box::new(HolderLines::new(site.parse().unwrap(), &numbers(&policy))));
            writeln!(out, "{words}").unwrap();
        } else if let Some(mode) = words.strip_prefix("watchdog") {
            lines = Some(Box::new(WatchdogLines::new(mode.trim() == "probe-only", &numbers(&policy))));
            writeln!(out, "{words}").unwrap();
        } else {
            let event = words.split(" -> ").next().unwrap().trim();
            let (time, event) = event.split_once(' ').unwrap_or_else(|| panic!("no event in {line:?}"));
            let seconds: f64 = time.parse().unwrap_or_else(|_| panic!("no time in {line:?}"));
            let told =
                lines.as_mut().expect("a header comes first").line((seconds * 1000.0).round() as u64, event.trim());
            writeln!(out, "{time:<6} {:<44} -> {told}", event.trim()).unwrap();
        }
    }
    out
}

fn numbers(json: &serde_json::Value) -> Policy {
    Policy::from_json(&json.to_string()).unwrap()
}

#[test]
fn every_timeline_unfolds_as_written() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        println!("{}", path.display());
        let text = std::fs::read_to_string(path).unwrap();
        let told = run(&text);
        if rewrite() {
            std::fs::write(path, &told).unwrap();
        } else if told != text {
            let first = text.lines().zip(told.lines()).find(|(was, is)| was != is);
            wrong.push(format!("{}: {first:#?}", path.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(paths.len() >= AT_LEAST, "{} timelines", paths.len());
    println!("{} timelines", paths.len());
}

#[test]
fn a_timeline_that_tells_something_else_is_noticed() {
    let told = run("holder laptop\n0 wake\n");
    assert_eq!(told, run(&told));
    assert_ne!(told, run(&told.replace("wake", "stop")));
}

/// `v3` of a file.
pub(crate) fn version(word: &str) -> Version {
    Version::new(
        0xf000
            + word
                .strip_prefix('v')
                .and_then(|n| n.parse::<u128>().ok())
                .unwrap_or_else(|| panic!("not a version: {word}")),
    )
}

/// `free term 0 as v0`, `offered to cloud term 2 as v3`, `held by cloud/2 term 1 as v1 session s@5`.
pub(crate) fn record(words: &str) -> LeaseRecord {
    let (state, rest) = words.split_once(" term ").unwrap_or_else(|| panic!("not a record: {words:?}"));
    let mut rest = rest.split(' ');
    let term = Term(rest.next().unwrap().parse().unwrap());
    assert_eq!(rest.next(), Some("as"), "{words}");
    let mark = version(rest.next().unwrap());
    let mut record = LeaseRecord::initial(mark, Policy::embedded().ttl, WallClock(0));
    record.term = term;
    if rest.next() == Some("session") {
        record.session = Some(session(rest.next().unwrap()));
    }
    if let Some(site) = state.strip_prefix("offered to ") {
        record.offer = Some(site.parse().unwrap());
    } else if let Some(name) = state.strip_prefix("held by ") {
        record.holder = Some(claim(name));
    } else {
        assert_eq!(state, "free", "{words}");
    }
    record
}

fn claim(name: &str) -> Claim {
    let (site, number) = name.split_once('/').unwrap_or((name, "90"));
    Claim { site: site.parse().unwrap(), incarnation: Incarnation::new(number.parse().unwrap()) }
}

/// `s@5`.
pub(crate) fn session(word: &str) -> SavedSession {
    let (id, sequence) = word.split_once('@').unwrap();
    SavedSession {
        session_id: id.to_owned(),
        sequence: sequence.parse().unwrap(),
        resume_url: None,
        shards: NonZeroU32::MIN,
    }
}

/// `force-cloud until 100`.
pub(crate) fn wish(words: &str) -> Option<ControlRecord> {
    if words == "none" {
        return None;
    }
    let (mode, until) = words.split_once(" until ").unwrap();
    let mode: ControlMode = serde_json::from_value(mode.into()).unwrap();
    let until = WallClock(until.parse::<u64>().unwrap() * 1000);
    Some(ControlRecord { schema: 1, mode, until, reason: String::new(), by: None })
}

/// `laptop/2 #3`: the third request of the laptop's second process.
pub(crate) fn request(words: &str) -> HandbackRecord {
    let (name, number) = words.split_once(" #").unwrap();
    let Claim { site, incarnation } = claim(name);
    let version = Version::new(number.parse().unwrap());
    HandbackRecord { schema: 1, site, incarnation, version, stable_ms: 0, wall_hint: WallClock(0) }
}

pub(crate) fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) const fn name(site: Site) -> &'static str {
    site.as_str()
}
