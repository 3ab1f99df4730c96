//! A site in a cluster: images loaded, objects applied, and what may be done to it while scenes play.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hand::Hand;
use super::kube::{Cluster, Tool};
use super::proof::is_ready;
use crate::k8s::set::{list, text};

/// What both programs are called in a cluster.
pub(crate) const COMPONENTS: [&str; 2] = ["bot", "health"];
/// The service of the health server, which Funnel publishes.
const HEALTH: &str = "10.43.0.80:8080";
/// Where a stand-in for Funnel listens on the node.
const PUBLIC: u16 = 8443;
/// How long pods may take to go: a little more than they are given to end in good order.
const GONE: u64 = 90;

/// What is done to a site while a scene plays; each is a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Act {
    /// There, whole, and without pods, whatever it was before
    Prepare,
    /// One pod of each
    Start,
    /// No pod
    Stop,
    /// The machine loses its power
    Kill,
    /// The machine falls asleep
    Suspend,
    /// The machine wakes
    Wake,
    /// The machine loses the store and nothing else
    CutStore,
    /// The machine has the store again
    MendStore,
    /// The end of the bot's log
    Log,
}

impl Act {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Suspend => "suspend",
            Self::Wake => "wake",
            Self::CutStore => "cut-store",
            Self::MendStore => "mend-store",
            Self::Log => "log",
        }
    }
}

/// What a site is made of; a file, because acts are processes of their own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The cluster's name.
    pub(crate) cluster: String,
    /// The images' archives.
    pub(crate) images: Vec<PathBuf>,
    /// What is applied.
    pub(crate) objects: Vec<Value>,
    /// What stands in for Funnel: the program that carries.
    pub(crate) funnel: Option<PathBuf>,
}

impl Plan {
    /// Makes the cluster and the site in it, anew.
    ///
    /// # Errors
    /// The cluster does not come up, or refuses something.
    pub(crate) fn make(&self, hand: &Hand<'_>, tool: &Tool) -> anyhow::Result<Cluster> {
        if tool.has(&self.cluster) {
            tool.down(hand, &self.cluster)?;
        }
        let cluster = tool.up(hand, &self.cluster)?;
        self.fill(hand, &cluster)?;
        Ok(cluster)
    }

    /// Loads and applies everything.
    ///
    /// # Errors
    /// As [`Plan::make`].
    pub(crate) fn fill(&self, hand: &Hand<'_>, cluster: &Cluster) -> anyhow::Result<Vec<String>> {
        cluster.load(hand, &self.images)?;
        let applied = cluster.apply(hand, &self.objects)?;
        if let Some(program) = &self.funnel {
            let (from, to) = (cluster.machine.node(PUBLIC).to_string(), HEALTH.to_owned());
            let words = ["carry".to_owned(), "--listen".to_owned(), from, "--to".to_owned(), to];
            start_on_the_node(cluster, program, &words, "funnel")?;
        }
        Ok(applied)
    }

    /// Where the health server is published.
    pub(crate) fn public(cluster: &Cluster) -> SocketAddr {
        cluster.machine.node(PUBLIC)
    }

    /// Keeps the plan where acts find it. Secrets are in it: nobody else reads it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn keep(&self, folder: &Path) -> anyhow::Result<()> {
        let file = self.file(folder);
        crate::files::write_private(&file, &serde_json::to_vec(self).context("write a plan")?)
    }

    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.json", self.cluster))
    }

    /// The commands that do this site's acts, for `watchdog-local drill --sites`.
    ///
    /// # Errors
    /// This program does not know where it is.
    pub(crate) fn acts(&self, folder: &Path) -> anyhow::Result<Value> {
        let own = std::env::current_exe().context("find this program")?;
        let command = |act: Act| json!([own, "cluster-site", self.file(folder), act.as_str()]);
        Ok(json!({
            "prepare": command(Act::Prepare),
            "start": command(Act::Start),
            "stop": command(Act::Stop),
            "kill": command(Act::Kill),
            "suspend": command(Act::Suspend),
            "wake": command(Act::Wake),
            "cut_store": command(Act::CutStore),
            "mend_store": command(Act::MendStore),
            "log": command(Act::Log),
        }))
    }
}

/// Does one act to the site whose plan is in `file`.
///
/// # Errors
/// The site does not do it.
pub(crate) fn act(hand: &Hand<'_>, tool: &Tool, file: &Path, act: Act) -> anyhow::Result<()> {
    let text = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let plan: Plan = serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))?;
    if act == Act::Prepare {
        return prepare(hand, tool, &plan);
    }
    let cluster = tool.known(hand, &plan.cluster)?;
    match act {
        Act::Prepare => Ok(()),
        Act::Start => scale(hand, &cluster, 1),
        Act::Stop => scale(hand, &cluster, 0).and_then(|()| empty(hand, &cluster)),
        Act::Kill => cluster.machine.lose_power(hand),
        Act::Suspend => cluster.machine.suspend(hand),
        Act::Wake => cluster.machine.wake(hand),
        Act::CutStore => cluster.machine.cut_store(hand),
        Act::MendStore => cluster.machine.mend_store(hand),
        Act::Log => {
            let words = ["logs", "deployment/bot", "--container", "bot", "--tail", "200"];
            let log = cluster.ctl(hand, &words)?;
            print!("{log}");
            Ok(())
        }
    }
}

fn prepare(hand: &Hand<'_>, tool: &Tool, plan: &Plan) -> anyhow::Result<()> {
    if tool.has(&plan.cluster)
        && let Ok(cluster) = tool.known(hand, &plan.cluster)
    {
        cluster.machine.wake(hand)?;
        cluster.machine.mend_store(hand)?;
        if cluster.answers(hand)? {
            scale(hand, &cluster, 0)?;
            return empty(hand, &cluster);
        }
    }
    let cluster = plan.make(hand, tool)?;
    empty(hand, &cluster)
}

/// So many pods of each.
fn scale(hand: &Hand<'_>, cluster: &Cluster, pods: u8) -> anyhow::Result<()> {
    let [bot, health] = COMPONENTS.map(|name| format!("deployment/{name}"));
    cluster.ctl(hand, &["scale", "--replicas", &pods.to_string(), &bot, &health]).map(drop)
}

/// Waits until no pod is left that could still run: of one that was evicted only the record is.
fn empty(hand: &Hand<'_>, cluster: &Cluster) -> anyhow::Result<()> {
    let over = |pod: &Value| matches!(text(pod, "/status/phase"), "Failed" | "Succeeded");
    let gone = hand.until(GONE, || {
        let pods = cluster.get(hand, &["pods"])?;
        Ok(list(&pods, "/items").iter().all(over).then_some(()))
    })?;
    ensure!(gone.is_some(), "pods of {} do not go", cluster.name);
    Ok(())
}

/// Waits until both programs are ready; says every change on the way.
///
/// # Errors
/// One is not in time.
pub(crate) fn ready(hand: &Hand<'_>, cluster: &Cluster, seconds: u64) -> anyhow::Result<()> {
    let mut shown = String::new();
    let done = hand.until(seconds, || {
        let mut words = Vec::new();
        let mut all = true;
        for component in COMPONENTS {
            let pods = cluster.pods(hand, component)?;
            all &= pods.len() == 1 && pods.iter().all(is_ready);
            words.push(format!("{component} {}", state(&pods)));
        }
        let line = words.join(", ");
        if line != shown {
            hand.say(&format!("  {line}"))?;
            shown = line;
        }
        Ok(all.then_some(()))
    })?;
    ensure!(done.is_some(), "not ready within {seconds} s: {shown}");
    Ok(())
}

/// Pods in a word.
fn state(pods: &[Value]) -> String {
    let word = |pod: &Value| {
        if is_ready(pod) {
            return "ready".to_owned();
        }
        if pod.pointer("/metadata/deletionTimestamp").is_some() {
            return "ending".to_owned();
        }
        let waiting = text(pod, "/status/containerStatuses/0/state/waiting/reason");
        if waiting.is_empty() { text(pod, "/status/phase").to_lowercase() } else { waiting.to_owned() }
    };
    let words: Vec<String> = pods.iter().map(word).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" and ") }
}

/// Starts a program of ours as if the node had it: on its network, and dying and sleeping with it.
fn start_on_the_node(cluster: &Cluster, program: &Path, words: &[String], name: &str) -> anyhow::Result<()> {
    let log = cluster.folder.join(format!("{name}.log"));
    let file = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/relais-{}", cluster.name)).arg(program).args(words);
    command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone().context("share a log")?).stderr(file);
    let child = command.spawn().with_context(|| format!("start {} on the node", program.display()))?;
    cluster.machine.adopt(&child.id().to_string())
}
