//! A test cluster: a real Kubernetes on one machine, each in a network namespace of its own, as `tools/kube` makes it.
//!
//! It is Kubernetes 1.20 and not K3s: no Pod Security admission, no `policy/v1`, and network policies that nobody enforces.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::hand::{Ended, Hand};
use super::machine::Machine;
use crate::gate::Gate;

/// Below the folder of shared material.
const PROGRAM: &str = "tools/kube";
/// What it builds, once.
const BUILT: [&str; 5] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"];
/// Images and containers of two clusters need some of it, and somebody else may need the rest meanwhile. Percent.
const LEAST_ROOM: u64 = 3;
/// Where the workloads are.
pub(crate) const NAMESPACE: &str = "relais";

/// The tool that makes clusters.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    program: PathBuf,
    home: PathBuf,
}

impl Tool {
    /// The tool, ready to make clusters, or why it is not.
    pub(crate) fn found(gate: &Gate) -> Result<Self, String> {
        let program = gate.shared.join(PROGRAM);
        if !program.is_file() {
            return Err(format!("no {PROGRAM} in the folder RELAIS_SHARED (default ../shared)"));
        }
        if !rustix::process::geteuid().is_root() {
            return Err("clusters are made by root alone: they have network namespaces, mounts and cgroups".to_owned());
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("KUBE_HOME")
            .unwrap_or_else(|| set("HOME").unwrap_or_else(|| "/root".into()).join(".cache/relais-kube"));
        if BUILT.iter().any(|part| !home.join("bin").join(part).is_file()) {
            return Err(format!("Kubernetes is not built yet: `{PROGRAM} build` does it once, in about 15 minutes"));
        }
        Ok(Self { program, home })
    }

    /// A node without room on its disk evicts its pods; which is not what is to be shown.
    pub(crate) fn has_room(&self) -> Result<(), String> {
        let disk = rustix::fs::statvfs(&self.home).map_err(|error| format!("{}: {error}", self.home.display()))?;
        let free = percent(disk.f_bavail, disk.f_blocks);
        if free >= LEAST_ROOM {
            return Ok(());
        }
        Err(format!(
            "{free} % of the disk of {} is free, and nodes evict their pods below 1 %: make room for {LEAST_ROOM} %",
            self.home.display()
        ))
    }

    /// Whether somebody has a cluster of that name up.
    pub(crate) fn has(&self, name: &str) -> bool {
        Path::new("/run/netns").join(format!("relais-{name}")).exists()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("KUBE_HOME", &self.home);
        command
    }

    /// Makes a cluster of one node, with a cable to this machine.
    ///
    /// # Errors
    /// It did not come up, with the tool's own words.
    pub(crate) fn up(&self, hand: &Hand<'_>, name: &str) -> anyhow::Result<Cluster> {
        hand.run(self.command(&["up", name]))?;
        let cluster = self.known(hand, name)?;
        cluster.machine.plug_in(hand)?;
        Ok(cluster)
    }

    /// A cluster that is up.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn known(&self, hand: &Hand<'_>, name: &str) -> anyhow::Result<Cluster> {
        let folder = self.home.join("run").join(name);
        let machine = Machine::found(hand, name, &folder)?;
        Ok(Cluster { tool: self.clone(), name: name.to_owned(), folder, machine })
    }

    /// Ends a cluster and everything in it, in whatever state it is.
    ///
    /// # Errors
    /// The tool cannot be run.
    pub(crate) fn down(&self, hand: &Hand<'_>, name: &str) -> anyhow::Result<()> {
        let machine = Machine::found(hand, name, &self.home.join("run").join(name)).ok();
        let mut pods = Vec::new();
        if let Some(machine) = &machine {
            // One that never had a cable has nothing to wake by.
            if let Err(error) = machine.wake(hand) {
                hand.say(&format!("  {error:#}"))?;
            }
            pods = machine.pods(hand)?;
        }
        hand.run(self.command(&["down", name]))?;
        machine.map_or(Ok(()), |machine| machine.clear_away(hand, &pods))
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

/// A cluster that is up.
pub(crate) struct Cluster {
    tool: Tool,
    /// Its name, which is its node's too.
    pub(crate) name: String,
    /// Where it keeps its files.
    pub(crate) folder: PathBuf,
    /// The machine that it is on.
    pub(crate) machine: Machine,
}

impl Cluster {
    /// `kubectl` against it, however it ends.
    pub(crate) fn tried(&self, hand: &Hand<'_>, words: &[&str]) -> anyhow::Result<Ended> {
        hand.ended(self.tool.command(&[&["ctl", &self.name], words].concat()))
    }

    /// `kubectl` in the namespace of the workloads; what it printed.
    ///
    /// # Errors
    /// It refused, in its own words.
    pub(crate) fn ctl(&self, hand: &Hand<'_>, words: &[&str]) -> anyhow::Result<String> {
        hand.run(self.tool.command(&[&["ctl", &self.name, "--namespace", NAMESPACE], words].concat()))
    }

    /// The same with its answer as JSON.
    ///
    /// # Errors
    /// It refused, or printed something else.
    pub(crate) fn get(&self, hand: &Hand<'_>, words: &[&str]) -> anyhow::Result<Value> {
        let printed = self.ctl(hand, &[&["get", "--output", "json"], words].concat())?;
        serde_json::from_str(&printed).with_context(|| format!("read what kubectl says of {}", words.join(" ")))
    }

    /// The objects of one component's pods.
    pub(crate) fn pods(&self, hand: &Hand<'_>, component: &str) -> anyhow::Result<Vec<Value>> {
        let selector = format!("app.kubernetes.io/component={component}");
        let mut list = self.get(hand, &["pods", "--selector", &selector])?;
        Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Applies objects as ArgoCD does, server-side; each line that it says.
    ///
    /// # Errors
    /// One was refused, in the server's words.
    pub(crate) fn apply(&self, hand: &Hand<'_>, objects: &[Value]) -> anyhow::Result<Vec<String>> {
        let file = self.folder.join("applied.json");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        crate::files::write_private(&file, list.to_string().as_bytes())?;
        let named = file.to_string_lossy();
        let applied = self.tried(
            hand,
            &["apply", "--server-side", "--force-conflicts", "--field-manager", "relais", "--filename", &named],
        );
        // Secrets are among them.
        std::fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        let applied = applied?;
        ensure!(applied.success, "apply: {}", applied.err.trim());
        Ok(applied.out.lines().map(str::to_owned).collect())
    }

    /// Puts images on the node.
    ///
    /// # Errors
    /// The node's runtime refused one.
    pub(crate) fn load(&self, hand: &Hand<'_>, images: &[PathBuf]) -> anyhow::Result<()> {
        let mut command = self.tool.command(&["load", &self.name]);
        command.args(images);
        hand.run(command).map(drop)
    }

    /// A program on the node's network, to be started by the caller.
    pub(crate) fn on_the_node(&self, words: &[&str]) -> Command {
        self.tool.command(&[&["exec", &self.name], words].concat())
    }

    /// Whether its API answers.
    pub(crate) fn answers(&self, hand: &Hand<'_>) -> anyhow::Result<bool> {
        Ok(self.tried(hand, &["get", "--raw", "/readyz", "--request-timeout", "5s"])?.success)
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn room_is_a_share_of_the_whole_and_nothing_of_nothing() {
        assert_eq!((percent(3, 100), percent(29, 1000), percent(1, 1)), (3, 2, 100));
        assert_eq!(percent(0, 0), 0);
    }
}
