//! `cargo deny`: licences, sources, bans that hold the crate direction, and known advisories.

use std::path::PathBuf;
use std::time::Duration;

use crate::gate::Gate;
use crate::installed::Program;
use crate::process::{Finished, Log};
use crate::table::Outcome;

const PROGRAM: Program = Program { package: "cargo-deny", version: "0.20.2", binary: "cargo-deny" };

/// Fetching the advisory database is given up after this.
const FETCH_LIMIT: Duration = Duration::from_secs(90);

/// Bans, licences and sources: everything that needs no network.
pub(crate) fn bans(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let program = installed(gate, log)?;
    let mut command = gate.command(&program);
    command.args(["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    let finished = log.run(command, None)?;
    Ok(if finished.success {
        Outcome::passed(closing(&finished.text))
    } else {
        Outcome::failed(closing(&finished.text))
    })
}

/// Known advisories: with a fresh database, else with the one on this machine, else not at all.
pub(crate) fn advisories(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let program = installed(gate, log)?;
    for offline in [false, true] {
        let mut command = gate.command(&program);
        command.arg("--locked");
        if offline {
            command.arg("--offline");
        }
        command.args(["check", "--hide-inclusion-graph", "advisories"]);
        let finished = log.run(command, Some(FETCH_LIMIT))?;
        if finished.success {
            let age = if offline { ", by the database on this machine: no newer one could be fetched" } else { "" };
            return Ok(Outcome::passed(format!("{}{age}", closing(&finished.text))));
        }
        if !lacks_database(&finished) {
            return Ok(Outcome::failed(closing(&finished.text)));
        }
    }
    Ok(Outcome::NotRun("no advisory database is here and none could be fetched".to_owned()))
}

/// Whether an advisory check ended for want of a database: a finding has a code, as in `error[vulnerability]`.
fn lacks_database(finished: &Finished) -> bool {
    let about_it = ["advisory database", "advisory-db"].iter().any(|said| finished.text.contains(said));
    finished.timed_out || (about_it && !finished.text.contains("error["))
}

/// The last line that says something, for instance `bans ok, licenses ok, sources ok`.
fn closing(text: &str) -> String {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no output").to_owned()
}

/// The program: in `target/tools`, or on the PATH in a version that reads `deny.toml`, or built into `target/tools`.
fn installed(gate: &Gate, log: &Log) -> anyhow::Result<PathBuf> {
    for candidate in [PROGRAM.own(gate), PathBuf::from("cargo-deny")] {
        if reads_our_file(&Program::says(gate, &candidate)) {
            return Ok(candidate);
        }
    }
    PROGRAM.built(gate, log)?.map_err(anyhow::Error::msg)
}

/// Whether `cargo-deny 0.20.2` is ours or a later one of the same form.
fn reads_our_file(version: &str) -> bool {
    let series = |text: &str| {
        let mut parts = text.split('.').map_while(|part| part.parse::<u32>().ok());
        Some((parts.next()?, parts.next()?))
    };
    version.split_whitespace().nth(1).and_then(series).is_some_and(|found| Some(found) >= series(PROGRAM.version))
}

#[cfg(test)]
mod tests {
    use super::{closing, lacks_database, reads_our_file};
    use crate::process::Finished;

    #[test]
    fn an_older_or_unknown_cargo_deny_is_not_used() {
        for (version, expected) in [
            ("cargo-deny 0.20.2\n", true),
            ("cargo-deny 0.21.0", true),
            ("cargo-deny 1.0.0", true),
            ("cargo-deny 0.18.9", false),
            ("cargo-deny", false),
            ("", false),
        ] {
            assert_eq!(reads_our_file(version), expected, "{version:?}");
        }
    }

    #[test]
    fn a_database_that_cannot_be_had_is_no_finding() {
        let said = |text: &str| {
            let ending = "exit status: 1".to_owned();
            lacks_database(&Finished { success: false, timed_out: false, ending, text: text.to_owned() })
        };
        assert!(said("[ERROR] failed to fetch advisory database: failed to clone\n"));
        assert!(said(
            "[ERROR] failed to get HEAD timestamp: [\"-C\", \"/home/me/.cargo/advisory-dbs/advisory-db-31\"]\n"
        ));
        assert!(!said("error[vulnerability]: a name\n see the advisory-db\nadvisories FAILED\n"));
        assert!(!said("error: unexpected argument\n"));
    }

    #[test]
    fn the_closing_line_is_the_last_that_says_something() {
        assert_eq!(closing("warning\n\nbans ok, licenses ok, sources ok\n\n"), "bans ok, licenses ok, sources ok");
        assert_eq!(closing("\n"), "no output");
    }
}
