//! `init` and `watch` against a real file and a health endpoint that is not there.

use std::path::Path;

use serde_json::json;

use crate::command::{refusal, run};

fn prepare(folder: &Path) -> (String, String) {
    std::fs::write(folder.join("key"), "a-key-for-a-test").unwrap();
    let store = format!("sqlite:{}/store.db", folder.display());
    let config = json!({
        "store": store,
        "probe": { "url": "http://127.0.0.1:9/health", "key_file": folder.join("key") },
        "standby": { "kind": "none" },
    });
    let file = folder.join("watch.json");
    std::fs::write(&file, config.to_string()).unwrap();
    (store, file.display().to_string())
}

#[test]
fn a_store_is_initialised_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = prepare(folder.path());
    assert!(run(folder.path(), &["init", "--store", &store]).status.success());
    let (code, line) = refusal(folder.path(), &["init", "--store", &store]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("already"), "{line}");
}

#[test]
fn one_look_says_what_it_saw_and_a_dry_look_remembers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, config) = prepare(folder.path());
    assert!(run(folder.path(), &["init", "--store", &store]).status.success());
    for _ in 0..2 {
        let output = run(folder.path(), &["watch", "--config", &config, "--once", "--dry-run"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("probe tcp") && said.contains("on -> Launch DryRun"), "{said}");
    }
    let output = run(folder.path(), &["watch", "--config", &config, "--once"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("on -> Launch Failed"), "{said}");
}

#[test]
fn a_store_that_was_never_initialised_is_an_alert_and_nothing_is_switched() {
    let folder = tempfile::tempdir().unwrap();
    let (_, config) = prepare(folder.path());
    let output = run(folder.path(), &["watch", "--config", &config, "--once"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("Missing") && said.contains("hold -> Nothing") && said.contains("alert: the lease record"),
        "{said}"
    );
}
