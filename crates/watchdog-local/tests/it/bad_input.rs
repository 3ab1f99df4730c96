//! Bad input: one clear line, exit 64 or 1, nothing lost.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{refusal, run};

const POLICY: &str = include_str!("../../../failover/policy.json");

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn policy_with(key: &str, value: u64) -> String {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy[key] = value.into();
    policy.to_string()
}

/// A watch configuration in which all is well but for what the test changes.
fn watch_config(folder: &Path, store: &str) -> Value {
    let key = write(folder, "key", "a-key-for-a-test");
    json!({
        "store": store,
        "probe": { "url": "http://127.0.0.1:9/health", "key_file": key },
        "standby": { "kind": "none" },
    })
}

fn bot_config(folder: &Path, store: &str, listen: &str) -> Value {
    let token = write(folder, "token", "a.token.for-a-test");
    json!({
        "site": "laptop",
        "preferred": "laptop",
        "store": store,
        "listen": listen,
        "discord": { "token_file": token, "rest_base": "http://127.0.0.1:9", "application_id": "300" },
        "policy": null,
        "name": null,
    })
}

#[test]
fn a_policy_that_contradicts_itself_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.json", &policy_with("self_fence_ms", 40_000));
    let (code, line) = refusal(folder.path(), &["drill", "--policy", &file, "--check-config"]);
    assert_eq!(code, 64, "{line}");
    assert!(line.contains("self_fence + effect_timeout = 42000 ms") && line.contains("ttl = 30000 ms"), "{line}");
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "policy.json", &policy_with("time_to_live", 1));
    let (code, line) = refusal(folder.path(), &["drill", "--policy", &file, "--check-config"]);
    assert_eq!(code, 64, "{line}");
    assert!(line.contains("time_to_live") && line.contains("policy.json"), "{line}");

    let mut config = watch_config(folder.path(), "memory:");
    config["colour"] = json!("red");
    let file = write(folder.path(), "watch.json", &config.to_string());
    let (code, line) = refusal(folder.path(), &["watch", "--config", &file, "--check-config"]);
    assert_eq!(code, 64, "{line}");
    assert!(line.contains("colour") && line.contains("watch.json"), "{line}");
}

#[test]
fn a_good_configuration_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "watch.json", &watch_config(folder.path(), "memory:").to_string());
    let output = run(folder.path(), &["watch", "--config", &file, "--check-config"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unreachable_store_path_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/missing/store.db", folder.path().display());
    let file = write(folder.path(), "watch.json", &watch_config(folder.path(), &store).to_string());
    let (code, line) = refusal(folder.path(), &["watch", "--config", &file, "--once"]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("missing/store.db"), "{line}");
}

#[test]
fn a_corrupt_file_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = b"SQLite format 3\0 but not really, and long enough to be taken for a header of one hundred bytes, \
                  which it is not; nothing in here is a page of a database at all";
    let database = folder.path().join("store.db");
    std::fs::write(&database, bytes).unwrap();
    let store = format!("sqlite:{}", database.display());
    let file = write(folder.path(), "watch.json", &watch_config(folder.path(), &store).to_string());
    let (code, line) = refusal(folder.path(), &["watch", "--config", &file, "--once"]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("store.db"), "{line}");
    assert_eq!(std::fs::read(&database).unwrap(), bytes, "the file was touched");
}

#[test]
fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let store = format!("sqlite:{}/store.db", folder.path().display());
    let file = write(folder.path(), "bot.json", &bot_config(folder.path(), &store, &address).to_string());
    let (code, line) = refusal(folder.path(), &["bot", "--config", &file]);
    assert_eq!(code, 1, "{line}");
    assert!(line.contains(&address), "{line}");
}

#[test]
fn an_unknown_scene_is_answered_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (code, line) = refusal(folder.path(), &["drill", "--scene", "earthquake"]);
    assert_eq!(code, 64, "{line}");
    assert!(line.contains("earthquake") && line.contains("store-cut"), "{line}");
}

#[test]
fn a_wrong_word_on_the_command_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["drill", "--colour"][..], &["rehearse"], &["watch"]] {
        let (code, line) = refusal(folder.path(), words);
        assert_eq!(code, 64, "{line}");
        let named = words.last().copied().filter(|word| *word != "watch").unwrap_or("--config");
        assert!(line.contains(named), "{line}");
    }
}

#[test]
fn a_pace_that_rounds_the_protocol_away_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for pace in ["0", "-2", "nan", "1000000"] {
        let argument = format!("--pace={pace}");
        let (code, line) = refusal(folder.path(), &["drill", "--scene", "crash", &argument]);
        assert_eq!(code, 64, "{line}");
        assert!(line.contains("pace"), "{line}");
    }
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_table_is_refused_by_a_build_without_dynamodb_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (code, error) = refusal(folder.path(), &["init", "--store", "dynamodb:relais?region=eu-west-3"]);
    assert_ne!(code, 0);
    assert!(error.contains("this build knows no DynamoDB; build it with the feature `aws`"), "{error}");
}
