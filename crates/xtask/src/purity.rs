//! The protocol stays pure: `relais-failover` may lean only on the crates named here.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

/// Every crate that may stand below `relais-failover`: hashing, serialisation, error texts, and what these are made
/// of. None knows a clock, a runtime, a socket or a file. A new name here needs the same proof.
const ALLOWED: &[&str] = &[
    // hmac, sha2 and their parts
    "block-buffer",
    "cfg-if",
    "cmov",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "digest",
    "hmac",
    "hybrid-array",
    "sha2",
    "subtle",
    "typenum",
    // on ARM, cpufeatures asks libc for the processor's features
    "libc",
    // serde and serde_json
    "itoa",
    "memchr",
    "ryu",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "zmij",
    // thiserror
    "thiserror",
    "thiserror-impl",
    // derive macros, at build time only
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
];

/// Reads `cargo tree` of the core.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let arguments = [
        "tree",
        "--locked",
        "--package",
        "relais-failover",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let finished = gate.run_cargo(&arguments, log)?;
    if !finished.success {
        bail!("cargo tree: {}", finished.ending);
    }
    let names = names(&finished.text);
    if !names.contains("relais-failover") {
        bail!("cargo tree did not show relais-failover");
    }
    let foreign = foreign(&names);
    if foreign.is_empty() {
        return Ok(Outcome::passed(format!("{} crates below relais-failover, all pure", names.len() - 1)));
    }
    let note = format!("relais-failover must not lean on {}", foreign.join(", "));
    log.say(&note)?;
    Ok(Outcome::failed(note))
}

/// The names in lines such as `serde v1.0.229` and `digest v0.11.3 (*)`. Lines of cargo's own (`Blocking waiting …`)
/// have no version.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, rest)| rest.starts_with('v') && rest.chars().nth(1).is_some_and(|digit| digit.is_ascii_digit()))
        .map(|(name, _)| name)
        .collect()
}

fn foreign<'a>(names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    names.iter().copied().filter(|name| *name != "relais-failover" && !ALLOWED.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{foreign, names};

    const TREE: &str = "\
    Blocking waiting for file lock on package cache
relais-failover v0.1.0 (/home/me/relais/crates/failover)
hmac v0.13.0
digest v0.11.3
digest v0.11.3 (*)
serde_derive v1.0.229 (proc-macro)
";

    #[test]
    fn the_names_of_a_tree_are_read_once_each() {
        let names: Vec<&str> = names(TREE).into_iter().collect();
        assert_eq!(names, ["digest", "hmac", "relais-failover", "serde_derive"]);
    }

    #[test]
    fn pure_crates_are_no_strangers() {
        assert!(foreign(&names(TREE)).is_empty());
    }

    #[test]
    fn a_runtime_and_a_clock_are_strangers() {
        let tree = format!("{TREE}tokio v1.54.1\nquanta v0.12.6\n");
        assert_eq!(foreign(&names(&tree)), ["quanta", "tokio"]);
    }
}
