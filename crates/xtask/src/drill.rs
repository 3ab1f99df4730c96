//! The drill at full scenes, with the binary that ships, and whether Discord's own document judged it.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

/// Every scene that `all` must have played.
const SCENES: [&str; 8] = ["crash", "lid", "funnel", "store-cut", "suspend", "flap", "no-capacity", "home"];

/// Discord's OpenAPI document, below the folder of shared material.
const OPENAPI: &str = "data/discord-openapi.json";

/// Builds the release binary, plays every scene, counts each as one.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let mut drill = gate.command(shipped(gate, log)?);
    drill.args(["drill", "--scene", "all", "--json"]).arg(gate.reports.join("drill.json"));
    drill.arg("--html").arg(gate.reports.join("drill.html"));
    let finished = log.run(drill, None)?;
    match report(gate).and_then(|report| judge(&report)) {
        Ok(scenes) => Ok(outcome(&scenes, finished.success, &finished.ending)),
        // The drill makes the file before it begins, so after a crash it is there and empty.
        Err(error) => bail!("the drill ended ({}) without a whole report: {error:#}", finished.ending),
    }
}

/// The drill as it ships, built if it is not yet.
pub(crate) fn shipped(gate: &Gate, log: &Log) -> anyhow::Result<PathBuf> {
    let built = gate.run_cargo(&["build", "--locked", "--release", "--bin", "watchdog-local"], log)?;
    ensure!(built.success, "build the drill: {}", built.ending);
    Ok(gate.target.join("release").join("watchdog-local"))
}

/// Whether each scene's requests were held against Discord's document.
pub(crate) fn openapi(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if !gate.shared.join(OPENAPI).is_file() {
        let reason = format!("no {OPENAPI} in the folder RELAIS_SHARED (default ../shared)");
        log.say(&format!("{reason}: the drill was judged by the hand-written rules alone"))?;
        return Ok(Outcome::NotRun(reason));
    }
    let Ok(report) = report(gate) else {
        return Ok(Outcome::NotRun("the drill left no whole report".to_owned()));
    };
    let blind: Vec<&str> = scenes(&report)?.iter().filter(|scene| scene["openapi_judged"] != true).map(name).collect();
    if blind.is_empty() {
        return Ok(Outcome::passed("every request of the drill was judged by Discord's own document"));
    }
    Ok(Outcome::failed(format!("the document is at hand, but did not judge {}", blind.join(", "))))
}

fn report(gate: &Gate) -> anyhow::Result<Value> {
    let path = gate.reports.join("drill.json");
    let text = std::fs::read_to_string(&path).context("read the drill's report")?;
    serde_json::from_str(&text).context("read the drill's report as JSON")
}

fn scenes(report: &Value) -> anyhow::Result<&Vec<Value>> {
    report["scenes"].as_array().context("the drill's report has no list `scenes`")
}

fn name(scene: &Value) -> &str {
    scene["scene"].as_str().unwrap_or("a scene without a name")
}

/// Each scene's name and whether it passed; a scene that was not played did not.
fn judge(report: &Value) -> anyhow::Result<Vec<(String, bool)>> {
    let played = scenes(report)?;
    let mut judged: Vec<(String, bool)> =
        played.iter().map(|scene| (name(scene).to_owned(), scene["passed"] == true)).collect();
    let absent = SCENES.iter().filter(|wanted| !played.iter().any(|scene| name(scene) == **wanted));
    judged.extend(absent.map(|wanted| (format!("{wanted} (not played)"), false)));
    Ok(judged)
}

fn outcome(scenes: &[(String, bool)], exit_was_good: bool, ending: &str) -> Outcome {
    let broken: Vec<&str> = scenes.iter().filter(|(_, passed)| !passed).map(|(name, _)| name.as_str()).collect();
    let (all, failed) = (scenes.len() as u64, broken.len() as u64);
    if failed > 0 {
        return Outcome::Ran { passed: all - failed, failed, note: format!("broken: {}", broken.join(", ")) };
    }
    if !exit_was_good {
        return Outcome::Ran {
            passed: all,
            failed: 1,
            note: format!("every scene passed, yet the drill ended: {ending}"),
        };
    }
    Outcome::Ran { passed: all, failed: 0, note: "scenes; target/gate/drill.html shows them".to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{SCENES, judge, outcome};
    use crate::table::Outcome;

    fn report(names: &[&str]) -> serde_json::Value {
        let scenes: Vec<_> = names.iter().map(|name| json!({"scene": name, "passed": *name != "lid"})).collect();
        json!({ "scenes": scenes })
    }

    fn counts(outcome: &Outcome) -> Option<(u64, u64)> {
        match outcome {
            Outcome::Ran { passed, failed, .. } => Some((*passed, *failed)),
            Outcome::NotRun(_) => None,
        }
    }

    #[test]
    fn each_scene_counts_as_one() {
        let scenes = judge(&report(&SCENES)).unwrap();
        assert_eq!(counts(&outcome(&scenes, false, "exit status: 1")), Some((7, 1)));
    }

    #[test]
    fn a_scene_that_was_not_played_failed() {
        let scenes = judge(&report(&["crash"])).unwrap();
        assert_eq!(counts(&outcome(&scenes, true, "")), Some((1, 7)));
    }

    #[test]
    fn a_bad_exit_after_good_scenes_is_a_failure() {
        let scenes = vec![("crash".to_owned(), true)];
        assert_eq!(counts(&outcome(&scenes, false, "exit status: 1")), Some((1, 1)));
        assert_eq!(counts(&outcome(&scenes, true, "exit status: 0")), Some((1, 0)));
    }

    #[test]
    fn a_report_without_scenes_is_refused() {
        assert!(judge(&json!({})).is_err());
    }
}
