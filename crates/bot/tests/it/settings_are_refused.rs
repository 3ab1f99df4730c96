use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

struct Case {
    directory: TempDir,
    settings: Value,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let token = directory.path().join("token");
        std::fs::write(&token, "not-a-token\n").unwrap();
        let store = format!("sqlite:{}", directory.path().join("state.db").display());
        let settings = json!({
            "site": "laptop", "preferred": "laptop", "store": store, "listen": "127.0.0.1:0",
            "discord": { "token_file": token, "rest_base": "http://127.0.0.1:9", "application_id": "1" },
            "policy": null, "name": null
        });
        Self { directory, settings }
    }

    fn file(&self) -> PathBuf {
        let file = self.directory.path().join("bot.json");
        std::fs::write(&file, serde_json::to_string_pretty(&self.settings).unwrap()).unwrap();
        file
    }

    fn run(&self, more: &[&str]) -> (i32, String) {
        said(bot(&self.file(), more))
    }
}

fn bot(config: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_relais-bot")).arg("--config").arg(config).args(more).output().unwrap()
}

fn said(output: Output) -> (i32, String) {
    let text = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    let code = output.status.code().unwrap();
    assert_eq!(errors.len(), usize::from(code != 0), "one clear line expected: {text}");
    (code, errors.concat())
}

#[test]
fn good_settings_pass_the_check() {
    assert_eq!(Case::new().run(&["--check-config"]).0, 0);
}

#[test]
fn unknown_key_ends_in_64_and_is_named() {
    let mut case = Case::new();
    case.settings["colour"] = json!("red");
    let (code, text) = case.run(&[]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("colour"), "{text}");
}

#[test]
fn missing_token_file_ends_in_64() {
    let mut case = Case::new();
    case.settings["discord"]["token_file"] = json!("/nowhere/token");
    let (code, text) = case.run(&[]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("/nowhere/token"), "{text}");
}

#[test]
fn policy_that_contradicts_itself_ends_in_64() {
    let mut case = Case::new();
    let mut policy: Value = serde_json::from_str(&relais_failover::Policy::embedded().to_json()).unwrap();
    policy["self_fence_ms"] = json!(31_000);
    let file = case.directory.path().join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    case.settings["policy"] = json!(file);
    let (code, text) = case.run(&["--check-config"]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("self_fence"), "{text}");
}

#[test]
fn bad_store_address_and_bad_rest_base_end_in_64() {
    for (pointer, value) in [("/store", "ftp://x"), ("/discord/rest_base", "http://127.0.0.1:9/api")] {
        let mut case = Case::new();
        *case.settings.pointer_mut(pointer).unwrap() = json!(value);
        assert_eq!(case.run(&[]).0, 64, "{pointer}");
    }
}

#[cfg(not(feature = "mutants"))]
#[test]
fn mutants_are_refused_by_an_ordinary_build() {
    let mut case = Case::new();
    case.settings["mutant"] = json!("no-fence");
    let (code, text) = case.run(&[]);
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("no mutants"), "{text}");
}

#[test]
fn bad_usage_ends_in_64() {
    let output = Command::new(env!("CARGO_BIN_EXE_relais-bot")).arg("--colour").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let help = Command::new(env!("CARGO_BIN_EXE_relais-bot")).arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn unreachable_store_path_ends_in_1() {
    let mut case = Case::new();
    case.settings["store"] = json!("sqlite:/nowhere/at/all/state.db");
    let (code, text) = case.run(&[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("/nowhere/at/all/state.db"), "{text}");
}

#[test]
fn corrupt_store_file_ends_in_1() {
    let case = Case::new();
    std::fs::write(
        case.directory.path().join("state.db"),
        "this is no database, but long enough to be read".repeat(99),
    )
    .unwrap();
    let (code, text) = case.run(&[]);
    assert_eq!(code, 1, "{text}");
}

#[test]
fn taken_port_ends_in_1_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut case = Case::new();
    case.settings["listen"] = json!(address);
    let (code, text) = case.run(&[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&address), "{text}");
}

#[test]
fn an_operator_that_is_no_users_id_ends_in_64_and_is_named() {
    let mut case = Case::new();
    for wrong in [json!(["alice"]), json!(["0"]), json!("7"), json!([-7])] {
        case.settings["discord"]["operators"] = wrong.clone();
        let (code, text) = case.run(&[]);
        assert_eq!(code, 64, "{wrong}: {text}");
        assert!(text.contains("operators"), "{wrong}: {text}");
    }
    case.settings["discord"]["operators"] = json!(["7", "18446744073709551614"]);
    assert_eq!(case.run(&["--check-config"]).0, 0);
}

#[test]
fn backups_into_nowhere_or_never_are_refused_by_name() {
    let mut case = Case::new();
    let folder = case.directory.path().join("backups");
    for (value, says) in [
        (json!({}), "folder"),
        (json!({ "folder": folder, "every": 24 }), "every"),
        (json!({ "folder": "backups" }), "no absolute path"),
        (json!({ "folder": folder }), "make it, and let this user write there"),
        (json!({ "folder": "/proc" }), "cannot be written"),
        (json!({ "folder": folder, "every_hours": 0 }), "every_hours is 0: expected 1 to 744"),
        (json!({ "folder": folder, "every_hours": -1 }), "every_hours"),
        (json!({ "folder": folder, "keep": 0 }), "keep is 0: expected 1 to 1000"),
    ] {
        case.settings["backup"] = value.clone();
        for more in [&["--check-config"][..], &[]] {
            let (code, text) = case.run(more);
            assert_eq!(code, 64, "{value}: {text}");
            assert!(text.contains(says), "{value}: {text}");
        }
    }
    std::fs::create_dir(&folder).unwrap();
    case.settings["backup"] = json!({ "folder": folder });
    assert_eq!(case.run(&["--check-config"]), (0, String::new()));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "a look leaves nothing behind");
}
