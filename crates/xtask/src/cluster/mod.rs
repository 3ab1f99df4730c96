//! `cargo xtask cluster`: what `k8s/` becomes in a real Kubernetes. Images are made of the programs as Cargo builds them,
//! loaded without a registry, applied as ArgoCD does, judged from outside, and taken down again whatever happened.
//!
//! Reading order: one cluster and what goes wrong in it ([`table`] with its [`rows`] and what they do, [`troubles`], and the
//! parts' [`memory`]), two
//! clusters and a failover between them ([`drill`]), a site in a cluster ([`site`], [`objects`], [`image`]), how it is known
//! ([`proof`], [`company`]), what is below ([`kube`], [`machine`], [`hand`]).
//!
//! Deliberately absent: K3s, ArgoCD and anything that enforces network policies or Pod Security; none of them is in these
//! clusters, and what is shown here says nothing of them.

mod company;
mod drill;
mod hand;
mod image;
mod kube;
mod machine;
mod memory;
mod objects;
mod proof;
mod rows;
mod site;
mod table;
mod troubles;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail, ensure};

use self::hand::Hand;
use self::kube::Tool;
pub(crate) use self::site::Act;
use crate::gate::Gate;
use crate::process::Log;
use crate::steps::CLOUD;
use crate::table::Outcome;

/// The version that the manifests name.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What the images are made of. The last is no part of a site: in rehearsals it carries what a bot says to a store elsewhere.
const PROGRAMS: [(&str, &str); 3] =
    [("relais-bot", "relais-bot"), ("relais-health", "relais-health"), ("watchdog-local", "relais-rehearsal")];

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scene {
    /// One cluster: everything applies, runs as it must, and survives the death of its process
    Quick,
    /// One cluster: everything in the table of k8s/README.md
    Table,
    /// Two clusters: the bot moves between them
    Drill,
    /// The table and the drill
    All,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// What to show
    #[arg(long, value_enum, default_value = "quick")]
    scene: Scene,
    /// With the programs as the tests build them, instead of as the drill does
    #[arg(long)]
    debug: bool,
    /// Of the table, only rows with this in their name
    #[arg(long, value_name = "TEXT")]
    row: Option<String>,
    #[command(flatten)]
    how: drill::How,
    /// Leave the clusters up, to look at them
    #[arg(long, conflicts_with = "down")]
    keep: bool,
    /// Only take down what an earlier run left up
    #[arg(long)]
    down: bool,
}

impl Asked {
    /// The rows that are shown: none for the drill alone.
    fn rows(&self) -> anyhow::Result<Vec<&'static rows::Row>> {
        let mut rows = match self.scene {
            Scene::Quick => rows::quick(),
            Scene::Table | Scene::All => rows::ALL.iter().collect(),
            Scene::Drill => return Ok(Vec::new()),
        };
        if let Some(text) = &self.row {
            rows.retain(|row| row.name.contains(text));
            let names = || rows::ALL.iter().map(|row| row.name).collect::<Vec<_>>().join("; ");
            ensure!(!rows.is_empty(), "--row {text}: no row has that in its name; there are: {}", names());
        }
        Ok(rows)
    }
}

/// The programs and the images made of them.
pub(crate) struct Built {
    /// Where the programs are.
    pub(crate) programs: PathBuf,
    /// Where the images are, a tar each, named as its program.
    pub(crate) images: PathBuf,
}

impl Built {
    /// The archives of those images.
    pub(crate) fn archives(&self, programs: &[&str]) -> Vec<PathBuf> {
        programs.iter().map(|program| self.images.join(format!("{program}.tar"))).collect()
    }
}

/// A reference as the manifests have it.
pub(crate) fn reference(image: &str) -> String {
    format!("localhost/{image}:{VERSION}")
}

/// Shows it; whether everything held.
pub(crate) fn run(gate: &Gate, asked: &Asked) -> anyhow::Result<bool> {
    let log = Log::create(&gate.reports.join("cluster.log"))?;
    if asked.down {
        let tool = Tool::found(gate).map_err(anyhow::Error::msg)?;
        return guarded(&Hand::plain(&log), &tool, false, &drill::CLUSTERS, || Ok(true));
    }
    let tool = match ready(gate) {
        Ok(tool) => tool,
        Err(why) => bail!("not run: {why}"),
    };
    let rows = asked.rows()?;
    let built = build(gate, &log, asked.debug)?;
    if matches!(asked.scene, Scene::Drill | Scene::All) {
        drill::is_known(gate, &log, &built, &asked.how)?;
    }
    let hand = Hand::listening(&log)?;
    let folder = images(gate, &hand, built)?;
    let mut held = true;
    if !rows.is_empty() {
        let shown = guarded(&hand, &tool, asked.keep, &[table::CLUSTER], || {
            table::show(gate, &hand, &log, &tool, &folder, &rows, asked.scene != Scene::Quick)
        });
        held &= shown?.iter().all(|row| row.faults.is_empty());
    }
    if matches!(asked.scene, Scene::Drill | Scene::All) {
        let clusters = drill::CLUSTERS;
        held &= guarded(&hand, &tool, asked.keep, &clusters, || {
            drill::play(gate, &hand, &log, &tool, &folder, &asked.how)
        })?;
    }
    Ok(held)
}

/// The step of the gate: what can be shown in a few minutes where Kubernetes is built already.
pub(crate) fn step(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let tool = match ready(gate) {
        Ok(tool) => tool,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let built = build(gate, log, false)?;
    let hand = Hand::listening(log)?;
    let built = images(gate, &hand, built)?;
    let rows = rows::quick();
    let shown =
        guarded(&hand, &tool, false, &[table::CLUSTER], || table::show(gate, &hand, log, &tool, &built, &rows, false))?;
    let failed = shown.iter().filter(|row| !row.faults.is_empty()).count() as u64;
    let passed = shown.len() as u64 - failed;
    Ok(Outcome::Ran { passed, failed, note: "rows of k8s/README.md, in a real Kubernetes 1.20".to_owned() })
}

/// One act of a drill, done to the site of this plan.
pub(crate) fn act(gate: &Gate, plan: &Path, act: Act) -> anyhow::Result<bool> {
    let name = plan.file_stem().and_then(|name| name.to_str()).context("a plan without a name")?;
    let log = Log::create(&gate.reports.join(format!("cluster-{name}.log")))?;
    let tool = Tool::found(gate).map_err(anyhow::Error::msg)?;
    site::act(&Hand::plain(&log), &tool, plan, act)?;
    Ok(true)
}

/// The tool, if clusters can be made here and now.
fn ready(gate: &Gate) -> Result<Tool, String> {
    let tool = Tool::found(gate)?;
    tool.has_room()?;
    for name in drill::CLUSTERS {
        if tool.has(name) {
            return Err(format!("a cluster {name} is up already; `cargo xtask cluster --down` ends it"));
        }
    }
    Ok(tool)
}

/// Does something with clusters and takes them down, however it ended.
fn guarded<T>(
    hand: &Hand<'_>,
    tool: &Tool,
    keep: bool,
    clusters: &[&str],
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let done = work();
    if keep {
        hand.say(&format!("left up: {}; `cargo xtask cluster --down` ends them", clusters.join(", ")))?;
        return done;
    }
    let stubborn = hand.stubborn();
    for name in clusters.iter().filter(|name| tool.has(name)) {
        hand.say(&format!("taking the cluster {name} down"))?;
        tool.down(&stubborn, name).with_context(|| format!("take the cluster {name} down"))?;
    }
    done
}

/// Builds the programs; where they are.
fn build(gate: &Gate, log: &Log, debug: bool) -> anyhow::Result<PathBuf> {
    let bins = PROGRAMS.iter().flat_map(|(program, _)| ["--bin", program]);
    // The selections of the gate's own builds, so that nothing is compiled twice.
    let how: Vec<&str> = if debug { ["--workspace"].iter().chain(CLOUD).copied().collect() } else { vec!["--release"] };
    let arguments: Vec<&str> = ["build", "--locked"].into_iter().chain(how).chain(bins).collect();
    let built = gate.run_cargo(&arguments, log)?;
    ensure!(built.success, "build the programs: {}", built.ending);
    Ok(gate.target.join(if debug { "debug" } else { "release" }))
}

/// Makes the images.
fn images(gate: &Gate, hand: &Hand<'_>, programs: PathBuf) -> anyhow::Result<Built> {
    let images = gate.reports.join("images");
    std::fs::create_dir_all(&images).with_context(|| format!("make {}", images.display()))?;
    for (program, image) in PROGRAMS {
        let (reference, file) = (reference(image), images.join(format!("{program}.tar")));
        let bytes = image::write(hand, &programs.join(program), &reference, &file)?;
        hand.say(&format!("image {reference}: {:.1} MB, the program and its libraries", bytes as f64 / 1e6))?;
    }
    Ok(Built { programs, images })
}

/// Says what is done and how long it took.
pub(crate) fn part<T>(hand: &Hand<'_>, what: &str, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    hand.say(&format!("--- {what}"))?;
    let began = SystemTime::now();
    let done = act().with_context(|| what.to_owned())?;
    hand.say(&format!("--- {what}: {:.1} s", began.elapsed().unwrap_or_default().as_secs_f64()))?;
    Ok(done)
}
