//! The flake: what it is locked to, how its files are written, and, where a Nix is new enough and finds its inputs, whether
//! everything in it evaluates. Nothing is built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::files::below;
use crate::gate::Gate;
use crate::nix_style;
use crate::process::Log;
use crate::table::Outcome;

/// What the nixpkgs that the flake is locked to asks for (`lib/minfeatures.nix`).
const OLDEST: (u32, u32) = (2, 18);
/// A nixpkgs on this machine to take instead of the locked one, for where the network is not.
const NIXPKGS: &str = "RELAIS_NIXPKGS";
/// What Nix says when it cannot get an input.
const UNREACHABLE: &[&str] = &["unable to download", "Could not resolve", "Couldn't resolve", "Failed to fetch"];

/// Checks the lock, then as much as the tools of this machine allow.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let lock = std::fs::read_to_string(gate.root.join("flake.lock")).context("read flake.lock")?;
    let faults = faults_of_lock(&lock)?;
    if !faults.is_empty() {
        return Ok(Outcome::failed(format!("flake.lock: {}", faults.join("; "))));
    }
    let files = nix_files(&gate.root)?;
    let style = nix_style::of(gate, log, &files)?;
    let (evaluated, told) = meaning(gate, log, &files)?;
    let mut notes: Vec<String> = style.faults.clone();
    notes.extend(style.missing.into_iter().map(|reason| format!("style not run: {reason}")));
    notes.push(told);
    // The lock, and what follows.
    let passed = 1 + style.passed + u64::from(evaluated == Some(true));
    let failed = u64::from(evaluated == Some(false)) + style.faults.len() as u64;
    Ok(Outcome::Ran { passed, failed, note: notes.join("; ") })
}

/// Whether the files mean something, as far as there is a Nix, and what was done.
fn meaning(gate: &Gate, log: &Log, files: &[PathBuf]) -> anyhow::Result<(Option<bool>, String)> {
    let old = match version() {
        None => "nix is not installed".to_owned(),
        Some(version) if version < OLDEST => {
            format!("nix {}.{} is older than {}.{}", version.0, version.1, OLDEST.0, OLDEST.1)
        }
        Some(_) => return evaluate(gate, log),
    };
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        return Ok((None, format!("{} files; not evaluated: {old}", files.len())));
    }
    for file in files {
        let mut parse = gate.command("nix-instantiate");
        parse.arg("--parse").arg(file);
        // The trees are long and nobody reads them; what is wrong with a file is on the other stream.
        let output = parse.output().context("start nix-instantiate")?;
        if !output.status.success() {
            log.say(String::from_utf8_lossy(&output.stderr).trim_end())?;
            return Ok((Some(false), format!("{} does not parse", file.display())));
        }
    }
    Ok((Some(true), format!("{} files parse; not evaluated: {old}", files.len())))
}

/// `nix flake check` without building, and without what would have to be built to evaluate.
fn evaluate(gate: &Gate, log: &Log) -> anyhow::Result<(Option<bool>, String)> {
    let mut check = gate.command("nix");
    check.args(["--extra-experimental-features", "nix-command flakes", "flake", "check", "--no-build"]);
    check.args(["--no-write-lock-file", "--option", "allow-import-from-derivation", "false"]);
    if let Some(nixpkgs) = std::env::var_os(NIXPKGS).filter(|path| !path.is_empty()) {
        let mut input = std::ffi::OsString::from("path:");
        input.push(nixpkgs);
        check.args([OsStr::new("--override-input"), OsStr::new("nixpkgs"), &input]);
    }
    let checked = log.run(check, None)?;
    if checked.success {
        return Ok((
            Some(true),
            "packages, images, hosts and what is said of them evaluate; nothing was built".to_owned(),
        ));
    }
    if UNREACHABLE.iter().any(|words| checked.text.contains(words)) {
        return Ok((
            None,
            format!("not evaluated: the flake's inputs cannot be fetched; {NIXPKGS} may name a nixpkgs"),
        ));
    }
    Ok((Some(false), "the flake does not evaluate: see the log".to_owned()))
}

/// The version of `nix`, if there is one: `nix (Nix) 2.34.8`.
fn version() -> Option<(u32, u32)> {
    let output = Command::new("nix").arg("--version").output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

fn version_in(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().next_back()?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Every file in Nix's language, in a stable order.
fn nix_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![root.join("flake.nix")];
    for folder in ["nix", "nixos"] {
        files.extend(of_kind(&root.join(folder), "nix")?);
    }
    ensure!(files.len() > 10, "only {} files of Nix were found", files.len());
    Ok(files)
}

fn of_kind(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    Ok(below(folder)?.into_iter().filter(|path| path.extension() == Some(OsStr::new(extension))).collect())
}

/// `flake.lock`, as far as it is judged.
#[derive(Deserialize)]
struct Lock {
    root: String,
    nodes: std::collections::BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    locked: Option<Locked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    r#type: String,
    rev: Option<String>,
    nar_hash: Option<String>,
}

/// What is wrong with a lock. A local path or an input without a hash builds on the machine where it was written only.
fn faults_of_lock(text: &str) -> anyhow::Result<Vec<String>> {
    let lock: Lock = serde_json::from_str(text).context("read flake.lock")?;
    let inputs = lock.nodes.iter().filter(|(name, _)| **name != lock.root);
    let mut faults = Vec::new();
    let mut counted = 0;
    for (name, node) in inputs {
        counted += 1;
        let Some(locked) = &node.locked else {
            faults.push(format!("{name} is not locked"));
            continue;
        };
        if locked.r#type != "github" {
            faults.push(format!("{name} comes from a {} and not from github", locked.r#type));
        }
        if locked.rev.as_ref().is_none_or(|rev| rev.len() != 40) {
            faults.push(format!("{name} has no whole revision"));
        }
        if locked.nar_hash.as_ref().is_none_or(|hash| !hash.starts_with("sha256-")) {
            faults.push(format!("{name} has no narHash"));
        }
    }
    ensure!(counted > 0, "flake.lock has no inputs");
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../flake.lock");
    const SOURCE: &str = include_str!("../../../nix/source.nix");

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
    }

    #[test]
    fn the_lock_that_is_shipped_has_github_and_hashes_only() {
        assert_eq!(faults_of_lock(SHIPPED).unwrap(), Vec::<String>::new());
        let lock: Lock = serde_json::from_str(SHIPPED).unwrap();
        assert!(["crane", "nixpkgs", "sops-nix"].iter().all(|name| lock.nodes.contains_key(*name)));
    }

    #[test]
    fn a_path_a_missing_hash_and_a_branch_are_told() {
        let a_path = SHIPPED.replacen("\"type\": \"github\"", "\"type\": \"path\"", 1);
        assert_eq!(faults_of_lock(&a_path).unwrap(), ["crane comes from a path and not from github"]);
        let no_hash = SHIPPED.replacen("\"narHash\"", "\"other\"", 1);
        assert_eq!(faults_of_lock(&no_hash).unwrap(), ["crane has no narHash"]);
        let a_branch = SHIPPED.replacen("b8d87f76ea4e4b6f30f2e6eaf3fbb60ff7d87167", "master", 1);
        assert_eq!(faults_of_lock(&a_branch).unwrap(), ["crane has no whole revision"]);
        let unlocked = r#"{"root": "root", "nodes": {"root": {}, "other": {}}}"#;
        assert_eq!(faults_of_lock(unlocked).unwrap(), ["other is not locked"]);
        assert!(faults_of_lock(r#"{"root": "root", "nodes": {"root": {}}}"#).is_err());
    }

    #[test]
    fn versions_are_read_and_compared() {
        assert_eq!(version_in("nix (Nix) 2.34.8\n"), Some((2, 34)));
        assert_eq!(version_in("nix (Nix) 2.8.1\n"), Some((2, 8)));
        assert!((2, 8) < OLDEST && OLDEST < (2, 34));
        assert_eq!(version_in("no nix"), None);
    }

    /// The files that `include_str!` and its like take in, besides what crane takes along by itself.
    fn taken_in() -> Vec<PathBuf> {
        let mut taken = Vec::new();
        for source in of_kind(&root().join("crates"), "rs").unwrap() {
            let text = std::fs::read_to_string(&source).unwrap();
            let calls = text.split("include_str!(\"").chain(text.split("include_bytes!(\"")).skip(1);
            for named in calls.filter_map(|rest| rest.split_once("\")")).map(|(named, _)| named) {
                if let Ok(path) = source.parent().unwrap().join(named).canonicalize() {
                    taken.push(path);
                }
            }
        }
        taken
    }

    #[test]
    fn a_build_by_nix_has_every_file_that_the_sources_take_in() {
        let root = root();
        let quoted: Vec<&str> = SOURCE.split('"').skip(1).step_by(2).collect();
        let taken = taken_in();
        assert!(taken.len() >= 10, "{taken:?}");
        for path in taken {
            let inside = path.strip_prefix(&root).unwrap();
            let extension = path.extension().and_then(OsStr::to_str).unwrap();
            let by_kind = inside.starts_with("crates") && quoted.contains(&extension);
            let by_name = SOURCE.contains(&format!("../{}\n", inside.display())) || inside.starts_with("nix");
            assert!(by_kind || by_name, "nix/source.nix leaves out {}", inside.display());
        }
    }
}
