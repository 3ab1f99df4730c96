//! Bad settings end in 64 with one clear line that names the key.

use std::process::Command;

use serde_json::{Value, json};

/// Exit code and what was said, of `--check-config` on these settings.
fn checked(change: impl FnOnce(&mut Value)) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("handover.json");
    let store = format!("sqlite:{}", directory.path().join("relais.db").display());
    let mut settings = json!({ "site": "laptop", "store": store, "bot": "http://10.43.0.81:8081/", "policy": null });
    change(&mut settings);
    std::fs::write(&file, settings.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_relais-handover"));
    let output = command.arg("--config").arg(&file).arg("--check-config").output().unwrap();
    assert!(!directory.path().join("relais.db").exists(), "nothing is opened to check");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn refused(key: &str, value: Value, says: &str) {
    let (code, _, said) = checked(|settings| settings[key] = value);
    assert_eq!(code, 64, "{said}");
    assert!(said.starts_with("error: ") && said.contains(says), "{said}");
    assert!(said.contains(&format!("key \"{key}\"")) && said.lines().count() == 1, "{said}");
}

#[test]
fn good_settings_are_said_to_be_good() {
    let (code, said, _) = checked(|_| {});
    assert_eq!(code, 0);
    assert!(said.ends_with("handover.json: ok\n"), "{said}");
}

#[test]
fn each_bad_value_is_named() {
    refused("site", json!("cloud"), "the agent runs on the laptop only");
    refused("site", json!("desk"), "unknown variant");
    refused("store", json!("memory:"), "name the store that the bot has");
    refused("store", json!("sqlite:relais.db"), "needs an absolute path");
    refused("bot", json!("https://10.43.0.81:8081"), "use the address https://");
    refused("bot", json!("http://10.43.0.81:8081/facts"), "without a path");
    refused("bott", json!("x"), "unknown field");
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.json");
    let text =
        relais_failover::Policy::embedded().to_json().replace("\"self_fence_ms\": 25000", "\"self_fence_ms\": 1");
    std::fs::write(&policy, text).unwrap();
    let (code, _, said) = checked(|settings| settings["policy"] = json!(policy));
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("the policy contradicts itself"), "{said}");
}

#[test]
fn a_bus_that_is_not_there_is_a_failure_and_no_bad_setting() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("handover.json");
    let store = format!("sqlite:{}", directory.path().join("relais.db").display());
    let settings = json!({ "site": "laptop", "store": store, "bot": "http://127.0.0.1:9" });
    std::fs::write(&file, settings.to_string()).unwrap();
    let bus = format!("unix:path={}", directory.path().join("nowhere").display());
    let output = Command::new(env!("CARGO_BIN_EXE_relais-handover"))
        .arg("--config")
        .arg(&file)
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus)
        .env("RUST_LOG", "off")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: ask logind for the system bus"), "{said}");
}
