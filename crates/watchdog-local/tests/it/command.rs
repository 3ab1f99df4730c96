//! Running the built binary.

use std::path::Path;
use std::process::{Command, Output};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_watchdog-local");

/// Runs it to its end in `folder`.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).current_dir(folder).env_remove("RUST_LOG").output().unwrap()
}

/// The exit code and the one line that says what was wrong.
pub(crate) fn refusal(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(folder, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), 1, "one clear line, not:\n{said}");
    (output.status.code().unwrap(), errors[0].to_owned())
}
