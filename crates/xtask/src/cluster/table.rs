//! One cluster with the overlay `test`, users who talk to its bot, and a row for each thing that is shown there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::company::Company;
use super::hand::Hand;
use super::kube::{Cluster, Tool};
use super::memory::{Memory, measured};
use super::objects::{endpoints, images, rendered, secret, translated};
use super::rows::Row;
use super::site::{Plan, ready};
use super::{Built, PROGRAMS, part, reference};
use crate::gate::Gate;
use crate::k8s::set::text;
use crate::process::Log;

/// The cluster, named as the site whose settings the overlay has.
pub(crate) const CLUSTER: &str = "laptop";
/// Opens nothing but the small Discord.
pub(crate) const TOKEN: &str = "rehearsal.token.of-the-small-discord";
/// Signs what nobody outside sees.
pub(crate) const HEALTH_KEY: &str = "rehearsal-health-key-0123456789abcdef";
/// What the bot calls the gateway: the service that leads to the small Discord.
const GATEWAY: &str = "ws://10.43.0.90:7001";
/// As the overlay's settings have it.
const APPLICATION: &str = "1000000000000000000";
/// How long the pods may take until they are ready, s: two processors do everything here.
const READY: u64 = 180;
/// How long the bot may take to speak again when everything is well, s: the lease must become stale, and a session be found.
pub(crate) const SPEAKS: u64 = 150;

/// What a row has at hand.
pub(crate) struct Bench<'a> {
    pub(crate) hand: &'a Hand<'a>,
    pub(crate) cluster: Cluster,
    pub(crate) company: Company,
    /// The folder on this machine that is the bot's volume.
    pub(crate) volume: PathBuf,
}

/// What came of a row.
pub(crate) struct Shown {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says when nothing is wrong.
    pub(crate) says: &'static str,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
    /// What its users noticed.
    pub(crate) users: Option<Noticed>,
}

/// What users noticed while a row was shown.
pub(crate) struct Noticed {
    /// Writes that they saw acknowledged.
    acknowledged: u64,
    /// Of all so far, those that could not be read afterwards.
    lost: u64,
    /// Of all so far, those that happened twice.
    duplicates: u64,
    /// Interactions that nobody answered in time.
    missed: u64,
    /// The longest time without an effect, ms.
    silence_ms: u64,
}

/// Shows the rows in their order, and the memory of each part afterwards if that is wanted.
///
/// # Errors
/// The cluster does not come up, or it is interrupted. A row that does not hold is no error: see [`Shown::faults`].
pub(crate) fn show(
    gate: &Gate,
    hand: &Hand<'_>,
    log: &Log,
    tool: &Tool,
    built: &Built,
    rows: &[&Row],
    measures: bool,
) -> anyhow::Result<Vec<Shown>> {
    let (objects, said) = translated(&rendered(gate, log, "test")?);
    hand.say("what this Kubernetes does not know, or does not do:")?;
    for line in said {
        hand.say(&format!("  {line}"))?;
    }
    let mut bench = set_up(gate, hand, tool, built, objects)?;
    let mut shown = Vec::new();
    for row in rows {
        shown.push(part(hand, row.name, || one(&mut bench, row))?);
    }
    for line in render(&shown).lines() {
        hand.say(line)?;
    }
    let memory = if measures { measured(gate, hand, &bench.cluster)? } else { Vec::new() };
    for part in &memory {
        hand.say(&part.line())?;
    }
    let file = gate.reports.join("cluster-table.json");
    let parts: Vec<Value> = memory.iter().map(Memory::as_json).collect();
    let report = json!({ "rows": as_json(&shown), "memory": parts });
    std::fs::write(&file, report.to_string()).with_context(|| format!("write {}", file.display()))?;
    Ok(shown)
}

fn set_up<'a>(
    gate: &Gate,
    hand: &'a Hand<'a>,
    tool: &Tool,
    built: &Built,
    mut objects: Vec<Value>,
) -> anyhow::Result<Bench<'a>> {
    let known: Vec<String> = PROGRAMS.iter().map(|(_, image)| reference(image)).collect();
    let strange: Vec<String> = images(&objects).into_iter().filter(|image| !known.contains(image)).collect();
    ensure!(strange.is_empty(), "the overlay names images that are not made here: {}", strange.join(", "));
    let cluster = part(hand, "start the cluster", || tool.up(hand, CLUSTER))?;
    let volumes = small_disk(hand, &cluster)?;
    objects.push(secret("relais-discord", "token", TOKEN));
    objects.push(secret("relais-health", "key", HEALTH_KEY));
    objects.push(endpoints("discord", "rest", cluster.machine.discord()));
    let token = cluster.folder.join("token");
    crate::files::write_private(&token, TOKEN.as_bytes())?;
    let plan = Plan {
        cluster: CLUSTER.to_owned(),
        images: built.archives(&["relais-bot", "relais-health"]),
        objects,
        funnel: None,
    };
    let applied = part(hand, "load the images, apply the overlay server-side", || plan.fill(hand, &cluster))?;
    hand.say(&format!("{} objects applied", applied.len()))?;
    let volume = volume(hand, &cluster, &volumes)?;
    let store = format!("sqlite:{}", volume.join("relais.db").display());
    let mut company = gate.command(built.programs.join("watchdog-local"));
    company.args(["company", "--gateway", GATEWAY, "--site", CLUSTER, "--application-id", APPLICATION]);
    company.arg("--listen").arg(cluster.machine.discord().to_string());
    company.arg("--token-file").arg(&token).arg("--store").arg(&store);
    let company = Company::start(company)?;
    part(hand, "write the lease record", || first_lease(gate, hand, built, &volume, &store))?;
    part(hand, "wait until both are ready", || ready(hand, &cluster, READY))?;
    Ok(Bench { hand, cluster, company, volume })
}

/// A disk of its own for the volumes, so small that it can be filled: 64 MiB in a file.
fn small_disk(hand: &Hand<'_>, cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let (disk, volumes) = (cluster.folder.join("volumes.img"), cluster.folder.join("pv"));
    let file = std::fs::File::create(&disk).with_context(|| format!("make {}", disk.display()))?;
    file.set_len(64 << 20).with_context(|| format!("make {}", disk.display()))?;
    let run = |program: &str, words: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(words);
        hand.run(command)
    };
    let (disk, at) = (disk.to_string_lossy(), volumes.to_string_lossy());
    // Without blocks that only root may use: root is who fills it.
    run("mkfs.ext4", &["-q", "-m", "0", &disk]).context("make a small disk (Debian's package e2fsprogs)")?;
    run("mount", &["-o", "loop", &disk, &at]).context("mount a small disk")?;
    for folder in ["1", "2", "3", "4"].map(|name| volumes.join(name)) {
        std::fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&folder, all).with_context(|| format!("open {}", folder.display()))?;
    }
    Ok(volumes)
}

/// The folder that became the claim's volume.
fn volume(hand: &Hand<'_>, cluster: &Cluster, volumes: &Path) -> anyhow::Result<PathBuf> {
    let bound = hand.until(60, || {
        let claim = cluster.get(hand, &["persistentvolumeclaim", "state"])?;
        let name = text(&claim, "/spec/volumeName").to_owned();
        Ok((text(&claim, "/status/phase") == "Bound" && !name.is_empty()).then_some(name))
    })?;
    let name = bound.context("the claim `state` is not bound")?;
    let path = text(&cluster.get(hand, &["persistentvolume", &name])?, "/spec/hostPath/path").to_owned();
    let path = PathBuf::from(path);
    ensure!(path.starts_with(volumes), "the volume {name} is elsewhere: {}", path.display());
    Ok(path)
}

/// Writes the lease record once the bot has made its file, as an operator does on the first day.
fn first_lease(gate: &Gate, hand: &Hand<'_>, built: &Built, volume: &Path, store: &str) -> anyhow::Result<()> {
    let made = hand.until(READY, || Ok(volume.join("relais.db").exists().then_some(())))?;
    ensure!(made.is_some(), "the bot made no database within {READY} s");
    let mut command = gate.command(built.programs.join("watchdog-local"));
    command.args(["init", "--store", store]);
    hand.run(command).map(drop)
}

fn one(bench: &mut Bench<'_>, row: &Row) -> anyhow::Result<Shown> {
    let Some(after) = row.users else {
        return Ok(Shown { name: row.name, says: row.says, faults: (row.show)(bench)?, users: None });
    };
    let before = bench.company.ask("look")?;
    let began = bench.company.ask("talk")?["now_ms"].as_u64().context("no time")?;
    let mut faults = Vec::new();
    if bench.company.spoken_since(bench.hand, began, SPEAKS)?.is_none() {
        faults.push("the bot did not speak beforehand".to_owned());
    }
    faults.extend((row.show)(bench)?);
    let done = bench.company.now_ms()?;
    if bench.company.spoken_since(bench.hand, done, after)?.is_none() {
        faults.push(format!("the bot did not speak again within {after} s"));
    }
    bench.hand.pause(std::time::Duration::from_secs(3))?;
    let settled = bench.company.ask("settle")?;
    let number = |answer: &Value, key: &str| answer[key].as_u64().unwrap_or(0);
    let since = |key: &str| number(&settled, key).saturating_sub(number(&before, key));
    let noticed = Noticed {
        acknowledged: since("acknowledged"),
        lost: number(&settled, "lost"),
        duplicates: number(&settled, "duplicates"),
        missed: since("missed"),
        silence_ms: number(&settled, "silence_ms"),
    };
    if noticed.acknowledged == 0 {
        faults.push("no write was acknowledged: this shows nothing".to_owned());
    }
    if noticed.lost + noticed.duplicates > 0 {
        faults.push(format!("{} writes lost, {} effects doubled", noticed.lost, noticed.duplicates));
    }
    let violations = settled["violations"].as_array().cloned().unwrap_or_default();
    faults.extend(violations.iter().map(|violation| format!("against Discord's rules: {violation}")));
    Ok(Shown { name: row.name, says: row.says, faults, users: Some(noticed) })
}

fn render(shown: &[Shown]) -> String {
    let mut out = String::new();
    for row in shown {
        // Writing to a string does not fail.
        let _ = match (&row.faults[..], &row.users) {
            ([], None) => writeln!(out, "held    {}: {}", row.name, row.says),
            ([], Some(users)) => writeln!(
                out,
                "held    {}: {} ({} acknowledged, 0 lost, 0 doubled, {} unanswered, silent for {:.1} s)",
                row.name,
                row.says,
                users.acknowledged,
                users.missed,
                users.silence_ms as f64 / 1000.0
            ),
            (faults, _) => writeln!(out, "BROKEN  {}: {}", row.name, faults.join("; ")),
        };
    }
    out
}

fn as_json(shown: &[Shown]) -> Value {
    let users = |noticed: &Noticed| {
        json!({
            "acknowledged": noticed.acknowledged,
            "lost": noticed.lost,
            "duplicates": noticed.duplicates,
            "missed": noticed.missed,
            "silence_ms": noticed.silence_ms,
        })
    };
    let row = |row: &Shown| {
        json!({
            "row": row.name,
            "held": row.faults.is_empty(),
            "says": row.says,
            "faults": row.faults,
            "users": row.users.as_ref().map(users),
        })
    };
    shown.iter().map(row).collect()
}
