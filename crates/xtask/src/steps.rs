//! The steps of the gate, in their order: quick and cheap ones first.

use crate::count::Tests;
use crate::gate::Gate;
use crate::process::{Finished, Log};
use crate::table::Outcome;
use crate::{
    cluster, costs, deny, drill, emulator, handover, k8s, nix, policy_table, purity, suspend, terraform, workflows,
};

/// One step.
pub(crate) struct Step {
    /// For `--only`, `--skip`, the table and the log's name.
    pub(crate) name: &'static str,
    /// What it shows, for people.
    pub(crate) what: &'static str,
    /// Runs it.
    pub(crate) run: fn(&Gate, &Log) -> anyhow::Result<Outcome>,
}

/// All steps.
pub(crate) const ALL: &[Step] = &[
    Step { name: "fmt", what: "the source is formatted", run: fmt },
    Step { name: "policy-table", what: "docs/protocol.md tells the numbers of policy.json", run: policy_table::run },
    Step { name: "costs", what: "docs/costs.md and the README's claim follow from prices and policy", run: costs::run },
    Step { name: "purity", what: "no runtime, network or clock crate below relais-failover", run: purity::run },
    Step { name: "clippy", what: "no warning in any target with any feature", run: clippy },
    Step { name: "tests", what: "tests and doc tests of every crate", run: tests },
    Step { name: "emulator", what: "store, publisher and bots against an emulator of AWS", run: emulator::run },
    Step { name: "handover", what: "the hand-over agent before the real systemd-logind", run: handover::run },
    Step {
        name: "terraform",
        what: "the cloud account's description is valid and keeps its rules",
        run: terraform::run,
    },
    Step { name: "nix", what: "the flake is locked, formatted, without dead code, and evaluates", run: nix::run },
    Step { name: "workflows", what: "what runs at GitHub is pinned and narrow", run: workflows::run },
    Step {
        name: "k8s",
        what: "every overlay renders, fits the schemas and keeps its rules; alerts pass their tests",
        run: k8s::run,
    },
    Step { name: "mutants", what: "the rehearsal rejects the known bad designs", run: mutants },
    Step { name: "docs", what: "the documentation of every crate builds without a warning", run: docs },
    Step { name: "deny", what: "licences, sources, and bans that hold the crate direction", run: deny::bans },
    Step { name: "advisories", what: "no known vulnerability without a reason", run: deny::advisories },
    Step { name: "drill", what: "every scene, with the binary that ships", run: drill::run },
    Step { name: "openapi", what: "the drill's requests were judged by Discord's own document", run: drill::openapi },
    Step { name: "suspend", what: "a laptop that really sleeps does not wake as a speaker", run: suspend::run },
    Step {
        name: "monitoring",
        what: "a real Prometheus scrapes a drill: every metric and every panel has something to show",
        run: k8s::live::run,
    },
    Step { name: "cluster", what: "bot and health server as pods of a real Kubernetes", run: cluster::step },
    Step { name: "benches", what: "the figures of core and store (shown, not judged)", run: benches },
];

/// With everything that a newcomer's build leaves out. Every step that tests uses the same packages and features, so that
/// nothing is compiled twice.
pub(crate) const CLOUD: &[&str] = &["--features", "relais-watchdog-local/aws"];

/// In the names of those tests of the bots that need an emulator.
pub(crate) const NEEDS_EMULATOR: &str = "on_dynamodb";

/// The tests that need the bad designs compiled in; the others ran without them.
const MUTANT_TESTS: &[&str] = &[
    "test",
    "--locked",
    "--workspace",
    "--features",
    "relais-watchdog-local/aws,relais-watchdog-local/mutants",
    "--test",
    "it",
    "known_bad_designs",
];

/// The names of all steps.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|step| step.name)
}

fn fmt(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    gate.needs_component("fmt", "rustfmt")?;
    Ok(plain(&gate.run_cargo(&["fmt", "--all", "--check"], log)?))
}

fn clippy(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    gate.needs_component("clippy", "clippy")?;
    // What needs an emulator, or a logind, is no target that is tested by default.
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--test",
        "emulator",
        "--test",
        "logind",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ];
    Ok(plain(&gate.run_cargo(&arguments, log)?))
}

fn tests(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    // Some tests measure; what they print is in the log.
    let arguments = [
        &["test", "--locked", "--workspace"],
        CLOUD,
        &["--no-fail-fast", "--", "--show-output", "--skip", NEEDS_EMULATOR],
    ]
    .concat();
    Ok(counted(&gate.run_cargo(&arguments, log)?))
}

fn mutants(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    Ok(counted(&gate.run_cargo(MUTANT_TESTS, log)?))
}

fn docs(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    // All features, as in the step `clippy`, which has checked everything below by then.
    let mut command = gate.cargo(&["doc", "--locked", "--workspace", "--no-deps", "--all-features"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    Ok(plain(&log.run(command, None)?))
}

fn benches(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let arguments = [
        "bench",
        "--locked",
        "--package",
        "relais-failover",
        "--package",
        "relais-store",
        "--bench",
        "decisions",
        "--bench",
        "operations",
    ];
    Ok(plain(&gate.run_cargo(&arguments, log)?))
}

/// A step that is one command.
fn plain(finished: &Finished) -> Outcome {
    if finished.success { Outcome::passed("") } else { Outcome::failed(finished.ending.clone()) }
}

/// A run of `cargo test`: each test counts, and so does a run that broke before its tests or had none.
pub(crate) fn counted(finished: &Finished) -> Outcome {
    let Tests { passed, failed, ignored, documented } = Tests::in_output(&finished.text);
    let mut note = format!("{documented} of them in documentation, {ignored} ignored");
    let broke = !finished.success && failed == 0;
    let empty = finished.success && passed == 0;
    if broke {
        note = format!("ended before its tests: {}", finished.ending);
    } else if empty {
        "ran no test".clone_into(&mut note);
    }
    Outcome::Ran { passed, failed: failed + u64::from(broke || empty), note }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, counted, names};
    use crate::process::Finished;
    use crate::table::Outcome;

    fn run(success: bool, text: &str) -> (u64, u64) {
        let finished =
            Finished { success, timed_out: false, ending: "exit status: 101".to_owned(), text: text.to_owned() };
        match counted(&finished) {
            Outcome::Ran { passed, failed, .. } => (passed, failed),
            Outcome::NotRun(_) => (0, 0),
        }
    }

    #[test]
    fn names_are_unique() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), ALL.len());
    }

    #[test]
    fn each_test_counts_as_one() {
        let text = "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(run(false, text), (7, 2));
        assert_eq!(run(true, "test result: ok. 9 passed; 0 failed; 0 ignored\n"), (9, 0));
    }

    #[test]
    fn a_build_that_breaks_is_one_failure() {
        assert_eq!(run(false, "error: could not compile `relais-bot`\n"), (0, 1));
        assert_eq!(run(false, "test result: ok. 9 passed; 0 failed; 0 ignored\nerror: could not compile\n"), (9, 1));
    }

    #[test]
    fn a_run_without_a_test_is_a_failure() {
        assert_eq!(run(true, ""), (0, 1));
    }
}
