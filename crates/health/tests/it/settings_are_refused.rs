//! Bad settings end in 64, a taken port in 1, each with one clear line.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Case {
    directory: TempDir,
    settings: Value,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        std::fs::write(&key, "a key that only tests use\n").unwrap();
        let settings = json!({
            "site": "laptop", "listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:0",
            "bot_facts": "http://127.0.0.1:9/facts", "key_file": key, "state_dir": directory.path(),
            "min_disk_free_percent": 5, "policy": null
        });
        Self { directory, settings }
    }

    /// The command, its settings written.
    fn command(&self) -> Command {
        let file = self.directory.path().join("health.json");
        std::fs::write(&file, serde_json::to_string_pretty(&self.settings).unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_relais-health"));
        command.arg("--config").arg(&file).env("RUST_LOG", "off").stdout(Stdio::null());
        command
    }

    /// Exit code and standard error.
    fn run(&self, more: &[&str]) -> (i32, String) {
        let output = self.command().args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn refused(&self, code: i32, word: &str) {
        let (given, said) = self.run(&[]);
        assert_eq!(given, code, "{said}");
        assert!(said.starts_with("error: ") && said.contains(word), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    fn with(key: &str, value: Value) -> Self {
        let mut case = Self::new();
        case.settings[key] = value;
        case
    }
}

#[test]
fn good_settings_pass_the_check() {
    assert_eq!(Case::new().run(&["--check-config"]), (0, String::new()));
}

#[test]
fn unknown_keys_and_bad_values_end_in_64() {
    Case::with("colour", json!("red")).refused(64, "key \"colour\"");
    Case::with("site", json!("moon")).refused(64, "key \"site\"");
    Case::with("listen", json!("here")).refused(64, "key \"listen\"");
    Case::with("bot_facts", json!("https://127.0.0.1/facts")).refused(64, "key \"bot_facts\"");
    Case::with("min_disk_free_percent", json!(100)).refused(64, "key \"min_disk_free_percent\"");
    Case::with("key_file", json!("/nonexistent/key")).refused(64, "/nonexistent/key");
    Case::with("policy", json!("/nonexistent/policy.json")).refused(64, "/nonexistent/policy.json");
}

#[test]
fn a_weak_key_ends_in_64() {
    let case = Case::new();
    std::fs::write(case.directory.path().join("key"), "short").unwrap();
    case.refused(64, "key \"key_file\"");
}

#[test]
fn a_missing_key_in_the_file_ends_in_64() {
    let mut case = Case::new();
    case.settings.as_object_mut().unwrap().remove("state_dir");
    case.refused(64, "state_dir");
}

#[test]
fn one_socket_for_both_ports_ends_in_64() {
    let mut case = Case::with("metrics_listen", json!("127.0.0.1:9"));
    case.settings["listen"] = json!("127.0.0.1:9");
    case.refused(64, "key \"metrics_listen\"");
}

#[test]
fn wrong_usage_ends_in_64_and_help_in_0() {
    let health = || Command::new(env!("CARGO_BIN_EXE_relais-health"));
    for wrong in [health().arg("--colour").output().unwrap(), health().output().unwrap()] {
        assert_eq!(wrong.status.code(), Some(64));
        assert_eq!(String::from_utf8(wrong.stderr).unwrap().lines().count(), 1);
    }
    assert_eq!(health().arg("--help").output().unwrap().status.code(), Some(0));
}

#[test]
fn a_taken_port_ends_in_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["listen", "metrics_listen"] {
        Case::with(key, json!(address)).refused(1, "the port is taken");
    }
}

#[test]
fn sigterm_ends_in_0() {
    let case = Case::new();
    let mut health = case.command().env("RUST_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(health.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("health server starts")));
    kill_process(Pid::from_child(&health), Signal::TERM).unwrap();
    assert_eq!(health.wait().unwrap().code(), Some(0));
}
