//! What each part needs of a machine's memory, as the kernel counts it.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::hand::{Hand, end};
use super::kube::Cluster;
use super::proof::Process;
use super::site::COMPONENTS;
use crate::files::files;
use crate::gate::Gate;
use crate::k8s::set::{list, text};
use crate::k8s::tools::Prometheus;

/// What Prometheus is told on both sites.
const SETTINGS: &str = "k8s/monitoring/base/prometheus";
/// Four scrapes.
const WATCHED: Duration = Duration::from_secs(60);

/// One part.
pub(crate) struct Memory {
    part: &'static str,
    resident_kib: u64,
    most_kib: u64,
}

impl Memory {
    /// A line for people.
    pub(crate) fn line(&self) -> String {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let Self { part, resident_kib, most_kib } = self;
        format!("memory of {part}: {:.1} MiB resident, {:.1} MiB at most", mib(*resident_kib), mib(*most_kib))
    }

    /// The same for programs.
    pub(crate) fn as_json(&self) -> Value {
        json!({ "part": self.part, "resident_kib": self.resident_kib, "most_kib": self.most_kib })
    }

    fn of(part: &'static str, process: &Process) -> anyhow::Result<Self> {
        let (resident_kib, most_kib) = process.memory_kib()?;
        Ok(Self { part, resident_kib, most_kib })
    }
}

/// The programs in their pods, and Prometheus beside them if this machine has it.
///
/// # Errors
/// A pod is not there, or Prometheus does not reach both.
pub(crate) fn measured(gate: &Gate, hand: &Hand<'_>, cluster: &Cluster) -> anyhow::Result<Vec<Memory>> {
    let mut parts = Vec::new();
    for component in COMPONENTS {
        parts.push(Memory::of(component, &Process::of(hand, cluster, component)?)?);
    }
    match prometheus(gate, hand, cluster)? {
        Ok(memory) => parts.push(memory),
        Err(why) => hand.say(&format!("memory of prometheus: not run: {why}"))?,
    }
    Ok(parts)
}

/// Prometheus on the node with a site's own settings, for a minute; or why not.
fn prometheus(gate: &Gate, hand: &Hand<'_>, cluster: &Cluster) -> anyhow::Result<Result<Memory, String>> {
    let server = match Prometheus::found(gate, hand.log())? {
        Ok(found) => found.server,
        Err(why) => return Ok(Err(why)),
    };
    let folder = cluster.folder.join("prometheus");
    for (from, to) in [("rules", "rules"), ("", "")] {
        copied(&gate.root.join(SETTINGS).join(from), &folder.join(to))?;
    }
    let targets = gate.root.join("k8s/monitoring/overlays/laptop/targets.json");
    std::fs::create_dir_all(folder.join("targets")).context("make a folder for targets")?;
    std::fs::copy(&targets, folder.join("targets/targets.json"))
        .with_context(|| format!("copy {}", targets.display()))?;
    let mut running = Running(start(cluster, &server, &folder)?);
    hand.pause(WATCHED)?;
    let ended = running.0.try_wait().context("look after Prometheus")?;
    ensure!(ended.is_none(), "Prometheus ended; its log is {}", folder.join("log").display());
    let ask = "exec 3<>/dev/tcp/127.0.0.1/9090; \
               printf 'GET /api/v1/query?query=up HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let answer = hand.run(cluster.on_the_node(&["timeout", "10", "bash", "-c", ask]))?;
    let (_, body) = answer.split_once("\r\n\r\n").context("Prometheus' answer has no end of its head")?;
    let faults = unreached(&serde_json::from_str(body).context("read Prometheus' answer")?);
    ensure!(faults.is_empty(), "Prometheus does not reach {}", faults.join(", "));
    let pid = i32::try_from(running.0.id()).context("Prometheus has a strange number")?;
    Memory::of("prometheus", &Process { pid }).map(Ok)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn start(cluster: &Cluster, server: &Path, folder: &Path) -> anyhow::Result<Child> {
    let log = File::create(folder.join("log")).context("make a log for Prometheus")?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/relais-{}", cluster.name)).arg(server);
    command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
    // As in its Deployment.
    command.args(["--storage.tsdb.retention.time=32d", "--storage.tsdb.retention.size=1500MB"]);
    command.arg("--web.listen-address=127.0.0.1:9090").env("GOGC", "50").env("GOMEMLIMIT", "160MiB");
    command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().context("share a log")?).stderr(log);
    command.spawn().context("start Prometheus")
}

fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for file in files(from)?.into_iter().filter(|file| file.is_file()) {
        let copy = to.join(file.file_name().unwrap_or_default());
        std::fs::copy(&file, &copy).with_context(|| format!("copy {}", file.display()))?;
    }
    Ok(())
}

/// The programs that are not up, out of an answer to the query `up`.
fn unreached(answer: &Value) -> Vec<String> {
    let up = |job: &str| {
        list(answer, "/data/result").iter().any(|one| text(one, "/metric/job") == job && text(one, "/value/1") == "1")
    };
    COMPONENTS.into_iter().filter(|job| !up(job)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_down_or_unheard_of_is_named() {
        let up = |job: &str, value: &str| json!({ "metric": { "job": job }, "value": [1, value] });
        let answer = |result: &[Value]| json!({ "data": { "result": result } });
        assert!(unreached(&answer(&[up("bot", "1"), up("health", "1")])).is_empty());
        assert_eq!(unreached(&answer(&[up("bot", "0"), up("health", "1")])), ["bot"]);
        assert_eq!(unreached(&answer(&[])), ["bot", "health"]);
    }
}
