//! One scene from the command line to the JSON: what the README promises a newcomer.

use serde_json::Value;

use crate::command::run;

#[test]
fn the_funnel_scene_passes_and_its_json_says_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["drill", "--scene", "funnel", "--json", "drill.json", "--keep-logs", "logs"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("drill.json")).unwrap()).unwrap();
    let scene = &report["scenes"][0];
    assert_eq!(scene["scene"], "funnel");
    assert_eq!(scene["speakers_max"], 1);
    for zero in ["lost", "duplicates", "missed", "starts", "violations"] {
        assert_eq!(scene[zero], 0, "{zero}");
    }
    assert!(scene["acknowledged"].as_u64().unwrap() > 10, "{scene}");
    assert!(std::fs::read_to_string(folder.path().join("drill.html")).unwrap().contains("funnel"));
}
