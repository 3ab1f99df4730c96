//! Broken on purpose: a rehearsal that cannot fail proves nothing. Built with the feature `mutants` only.

use serde_json::Value;

use crate::command::run;

fn broken(scene: &str, mutant: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["drill", "--scene", scene, "--mutant", mutant, "--json", "drill.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("drill.json")).unwrap()).unwrap();
    report["scenes"][0].clone()
}

#[test]
fn a_bot_without_a_fence_speaks_beside_its_successor() {
    let scene = broken("store-cut", "no-fence");
    assert!(scene["speakers_max"].as_u64().unwrap() > 1, "{}", scene["broken"]);
}

#[test]
fn a_bot_whose_clock_stands_still_in_a_suspend_tries_to_speak_on_its_dead_lease() {
    // Discord refuses an answer that the right site gave already, so the attempt is what must be seen.
    let scene = broken("suspend", "monotonic-clock");
    let said = scene["broken"].to_string();
    assert!(said.contains("the laptop tried to speak") && said.contains("after its last renewal"), "{said}");
}
