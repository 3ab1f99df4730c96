//! What is done to the bot, its pod, its node, its Secret and its volume, and what must come of it. Each gives back what did
//! not; whether its users lost anything is asked of them afterwards.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::kube::NAMESPACE;
use super::objects::secret;
use super::proof::{self, Process, Wanted, is_ready, restarts};
use super::table::{Bench, HEALTH_KEY, TOKEN};
use crate::k8s::set::{list, text};

/// How long the cluster may take for what it does by itself, s. Its slowest is a volume that could not be mounted: it is tried
/// again after two minutes at most.
const CLUSTER: u64 = 180;
/// How long the bot may go on when its volume is full, s: as long as its files have room, and then as long as its lease.
const FILLED: u64 = 180;
/// What the pods are called that fill the quota.
const FILLER: &str = "filler";
/// The sandbox image, which every node has.
const PAUSE: &str = "localhost/pause:1";

type Faults = anyhow::Result<Vec<String>>;

impl Bench<'_> {
    /// The one pod of a component, once it is ready and `fits`.
    fn ready_pod(&self, component: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<Option<Value>> {
        self.hand.until(CLUSTER, || {
            let pods = self.cluster.pods(self.hand, component)?;
            Ok(pods.into_iter().find(|pod| is_ready(pod) && fits(pod)))
        })
    }

    /// The pod as it is.
    fn pod(&self, component: &str) -> anyhow::Result<Value> {
        self.ready_pod(component, |_| true)?.with_context(|| format!("no pod of {component} is ready"))
    }

    fn ctl(&self, words: &[&str]) -> anyhow::Result<String> {
        self.cluster.ctl(self.hand, words)
    }

    /// A new pod, because the old one cannot read what has changed.
    fn restart(&self, deployment: &str) -> anyhow::Result<()> {
        self.ctl(&["rollout", "restart", &format!("deployment/{deployment}")]).map(drop)
    }

    /// Whether nothing is heard of the bot for so long.
    fn is_silent(&mut self, seconds: u64) -> anyhow::Result<bool> {
        let from = self.company.now_ms()?;
        self.hand.pause(Duration::from_secs(seconds))?;
        let last = self.company.ask("look")?["last_effect_ms"].as_u64();
        Ok(last.is_none_or(|last| last <= from))
    }
}

fn name(pod: &Value) -> &str {
    text(pod, "/metadata/name")
}

/// A fault unless it holds.
fn must(holds: bool, what: &str) -> Option<String> {
    (!holds).then(|| what.to_owned())
}

pub(super) fn everything_is_there(bench: &mut Bench<'_>) -> Faults {
    let mut faults = Vec::new();
    for (kind, names) in [
        ("deployment", &["bot", "health"][..]),
        ("service", &["bot", "health", "discord"]),
        ("networkpolicy", &["bot", "health", "default-deny"]),
        ("poddisruptionbudget", &["bot", "health"]),
        ("serviceaccount", &["bot", "health"]),
        ("resourcequota", &["site"]),
        ("limitrange", &["site"]),
        ("persistentvolumeclaim", &["state"]),
    ] {
        let there = bench.cluster.get(bench.hand, &[kind])?;
        let there: Vec<&str> = list(&there, "/items").iter().map(name).collect();
        faults.extend(names.iter().filter(|name| !there.contains(*name)).map(|name| format!("no {kind} {name}")));
    }
    proof::log(bench.hand, &bench.cluster, "bot", "bot starts", TOKEN)?;
    proof::log(bench.hand, &bench.cluster, "health", "health server starts", HEALTH_KEY)?;
    Ok(faults)
}

pub(super) fn processes_are_restricted(bench: &mut Bench<'_>) -> Faults {
    let wanted = [
        ("bot", Wanted { uid: 10001, secret: ("/run/secrets/discord/token", TOKEN), writes_state: true }),
        ("health", Wanted { uid: 10002, secret: ("/run/secrets/health/key", HEALTH_KEY), writes_state: false }),
    ];
    let mut faults = Vec::new();
    for (component, wanted) in wanted {
        let found = Process::of(bench.hand, &bench.cluster, component)?.faults(&wanted)?;
        faults.extend(found.into_iter().map(|fault| format!("{component}: {fault}")));
    }
    Ok(faults)
}

pub(super) fn the_quota_refuses(bench: &mut Bench<'_>) -> Faults {
    let quota = bench.cluster.get(bench.hand, &["resourcequota", "site"])?;
    let count = |part: &str| text(&quota, &format!("/status/{part}/pods")).parse::<usize>();
    let (room, used) = (count("hard").context("no quota of pods")?, count("used").context("no count of pods")?);
    let (free, mut faults) = (room.saturating_sub(used), Vec::new());
    faults.extend(must((room, used) == (5, 2), &format!("{used} of {room} pods are there, not 2 of 5")));
    for at in 0..free {
        bench.cluster.apply(bench.hand, &[filler(at)])?;
    }
    let refused = bench.cluster.apply(bench.hand, &[filler(free)]).err().map(|error| format!("{error:#}"));
    let by_name = |said: &String| said.contains("exceeded quota: site") && said.contains("limited: pods=5");
    faults.extend(must(refused.as_ref().is_some_and(by_name), &format!("the pod too many: {refused:?}")));
    bench.ctl(&[
        "delete",
        "pod",
        "--selector",
        &format!("app.kubernetes.io/component={FILLER}"),
        "--grace-period",
        "0",
        "--force",
    ])?;
    Ok(faults)
}

/// A pod that does nothing, by the rules of the namespace.
fn filler(at: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{FILLER}-{at}"), "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/name": "relais", "app.kubernetes.io/component": FILLER },
        },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 10003, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": FILLER, "image": PAUSE, "imagePullPolicy": "Never",
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

fn kill(bench: &Bench<'_>, component: &str) -> Faults {
    let before = bench.pod(component)?;
    let process = Process::of(bench.hand, &bench.cluster, component)?;
    kill_process(Pid::from_raw(process.pid).context("no process id")?, Signal::KILL).context("kill the process")?;
    let again = |pod: &Value| name(pod) == name(&before) && restarts(pod) == restarts(&before) + 1;
    let Some(after) = bench.ready_pod(component, again)? else {
        return Ok(vec![format!("{component} was not started again in its pod")]);
    };
    let code = after.pointer("/status/containerStatuses/0/lastState/terminated/exitCode").and_then(Value::as_u64);
    Ok(must(code == Some(137), &format!("its end is told as {code:?}, not 137")).into_iter().collect())
}

pub(super) fn the_process_is_killed(bench: &mut Bench<'_>) -> Faults {
    kill(bench, "bot")
}

pub(super) fn health_is_killed(bench: &mut Bench<'_>) -> Faults {
    let from = bench.company.now_ms()?;
    let mut faults = kill(bench, "health")?;
    let spoke = bench.company.ask("look")?["last_effect_ms"].as_u64().is_some_and(|last| last > from);
    faults.extend(must(spoke, "the bot fell silent with the health server"));
    Ok(faults)
}

pub(super) fn the_pod_is_deleted(bench: &mut Bench<'_>) -> Faults {
    let before = bench.pod("bot")?;
    bench.ctl(&["delete", "pod", name(&before), "--wait=false"])?;
    let after = bench.ready_pod("bot", |pod| name(pod) != name(&before))?;
    let gone = bench.hand.until(CLUSTER, || Ok((bench.cluster.pods(bench.hand, "bot")?.len() == 1).then_some(())))?;
    let mut faults: Vec<String> = must(after.is_some(), "no other pod became ready").into_iter().collect();
    faults.extend(must(gone.is_some(), "the old pod stays"));
    Ok(faults)
}

pub(super) fn the_node_is_drained(bench: &mut Bench<'_>) -> Faults {
    let node = bench.cluster.name.clone();
    bench.ctl(&["drain", &node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", "120s"])?;
    let mut faults = Vec::new();
    for component in ["bot", "health"] {
        let waits = bench.hand.until(CLUSTER, || {
            let pods = bench.cluster.pods(bench.hand, component)?;
            let condition = |one: &Value| text(one, "/reason") == "Unschedulable";
            Ok((pods.len() == 1 && list(&pods[0], "/status/conditions").iter().any(condition)).then_some(()))
        })?;
        faults.extend(must(waits.is_some(), &format!("{component} does not wait for a node")));
    }
    faults.extend(must(bench.is_silent(5)?, "somebody speaks although the node is drained"));
    bench.ctl(&["uncordon", &node])?;
    faults.extend(must(bench.ready_pod("bot", |_| true)?.is_some(), "the bot does not come back to the node"));
    faults.extend(must(bench.ready_pod("health", |_| true)?.is_some(), "the health server does not come back"));
    Ok(faults)
}

pub(super) fn the_secret_is_missing(bench: &mut Bench<'_>) -> Faults {
    let before = bench.pod("bot")?;
    bench.ctl(&["delete", "secret", "relais-discord"])?;
    bench.ctl(&["delete", "pod", name(&before)])?;
    let told = bench.hand.until(CLUSTER, || {
        let events = bench.cluster.get(bench.hand, &["events"])?;
        let mount = |event: &&Value| {
            text(event, "/reason") == "FailedMount" && text(event, "/message").contains("\"relais-discord\" not found")
        };
        Ok(list(&events, "/items").iter().find(mount).map(drop))
    })?;
    let mut faults: Vec<String> = must(told.is_some(), "no event names the Secret").into_iter().collect();
    let pods = bench.cluster.pods(bench.hand, "bot")?;
    let waits = pods.iter().all(|pod| {
        text(pod, "/status/containerStatuses/0/state/waiting/reason") == "ContainerCreating" && restarts(pod) == 0
    });
    faults.extend(must(waits && pods.len() == 1, "the pod does not wait"));
    bench.cluster.apply(bench.hand, &[secret("relais-discord", "token", TOKEN)])?;
    let same = |pod: &Value| pods.iter().any(|waited| name(waited) == name(pod));
    faults.extend(must(bench.ready_pod("bot", same)?.is_some(), "the pod that waited does not become ready"));
    Ok(faults)
}

pub(super) fn the_secret_is_wrong(bench: &mut Bench<'_>) -> Faults {
    let before = bench.pod("bot")?;
    bench.cluster.apply(bench.hand, &[secret("relais-discord", "token", "a.token.that-nobody-knows")])?;
    bench.restart("bot")?;
    let holds = bench.hand.until(CLUSTER, || {
        let pods = bench.cluster.pods(bench.hand, "bot")?;
        let other = |pod: &&Value| name(pod) != name(&before) && text(pod, "/status/phase") == "Running";
        Ok((pods.len() == 1 && pods.iter().any(|pod| other(&pod))).then_some(()))
    })?;
    let mut faults: Vec<String> = must(holds.is_some(), "the new pod does not run").into_iter().collect();
    // Longer than a lease lives: whoever could speak would by now.
    bench.hand.pause(Duration::from_secs(40))?;
    faults.extend(must(bench.is_silent(10)?, "somebody speaks with a wrong token"));
    let ready = bench.cluster.pods(bench.hand, "bot")?.iter().any(is_ready);
    faults.extend(must(!ready, "the pod is ready with a wrong token"));
    bench.cluster.apply(bench.hand, &[secret("relais-discord", "token", TOKEN)])?;
    bench.restart("bot")?;
    Ok(faults)
}

pub(super) fn the_key_is_short(bench: &mut Bench<'_>) -> Faults {
    bench.cluster.apply(bench.hand, &[secret("relais-health", "key", "short")])?;
    bench.restart("health")?;
    let refused = bench.hand.until(CLUSTER, || {
        let pods = bench.cluster.pods(bench.hand, "health")?;
        let code = |pod: &Value| {
            let last = pod.pointer("/status/containerStatuses/0/lastState/terminated/exitCode");
            let now = pod.pointer("/status/containerStatuses/0/state/terminated/exitCode");
            last.or(now).and_then(Value::as_u64)
        };
        Ok(pods.iter().find_map(code).filter(|code| *code != 0))
    })?;
    let mut faults: Vec<String> =
        must(refused == Some(64), &format!("its exit code is {refused:?}, not 64")).into_iter().collect();
    let log = bench
        .ctl(&["logs", "deployment/health", "--previous"])
        .or_else(|_| bench.ctl(&["logs", "deployment/health"]))?;
    faults.extend(must(log.contains("key_file"), "its log does not name the key"));
    faults.extend(must(!log.contains("\"short\""), "its log has the key in it"));
    bench.cluster.apply(bench.hand, &[secret("relais-health", "key", HEALTH_KEY)])?;
    bench.restart("health")?;
    faults.extend(must(bench.ready_pod("health", |_| true)?.is_some(), "the right key does not mend it"));
    Ok(faults)
}

pub(super) fn the_volume_is_full(bench: &mut Bench<'_>) -> Faults {
    // SQLite writes into room that its files have already; a bot that has just begun has the least of it.
    let before = bench.pod("bot")?;
    bench.ctl(&["delete", "pod", name(&before), "--wait=false"])?;
    let next = bench.ready_pod("bot", |pod| name(pod) != name(&before))?;
    let mut faults: Vec<String> = must(next.is_some(), "no other pod became ready").into_iter().collect();
    let ballast = bench.volume.join("ballast");
    fill(&ballast)?;
    let mut silent = false;
    for _ in 0..FILLED / 10 {
        silent = bench.is_silent(10)?;
        if silent {
            break;
        }
    }
    faults.extend(must(silent, &format!("the bot speaks for {FILLED} s although it cannot write")));
    let health = bench.health()?;
    let told = health.starts_with("HTTP/1.1 503") && health.contains("\"disk below minimum\"");
    faults.extend(must(told, &format!("the health server answers {health:?}")));
    // Also a process that was started again says it, once it may take the lease.
    let told = bench.hand.until(CLUSTER, || {
        let log = bench.ctl(&["logs", "deployment/bot", "--tail", "50"])?;
        Ok(log.contains("free some space").then_some(()))
    })?;
    faults.extend(must(told.is_some(), "the bot's log does not say what to do"));
    std::fs::remove_file(&ballast).with_context(|| format!("remove {}", ballast.display()))?;
    Ok(faults)
}

/// Writes until there is no room, to the last byte.
fn fill(file: &Path) -> anyhow::Result<()> {
    let mut ballast = std::fs::File::create(file).with_context(|| format!("make {}", file.display()))?;
    let mut piece = vec![0_u8; 1 << 20];
    while !piece.is_empty() {
        match ballast.write_all(&piece) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => piece.truncate(piece.len() / 2),
            Err(error) => return Err(error).with_context(|| format!("fill {}", file.display())),
        }
        ensure!(ballast.metadata().is_ok_and(|made| made.len() < 1 << 30), "the disk is larger than it should be");
    }
    // Only what is on the disk takes room there.
    match ballast.sync_all() {
        Err(error) if error.kind() != std::io::ErrorKind::StorageFull => Err(error).context("fill the disk"),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Bench<'_> {
    /// What the health server answers where Funnel would ask it, headers included.
    fn health(&self) -> anyhow::Result<String> {
        let ask = "exec 3<>/dev/tcp/10.43.0.80/8080; \
                   printf 'GET /health?nonce=0123456789abcdef HTTP/1.1\\r\\nHost: laptop\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3";
        self.hand.run(self.cluster.on_the_node(&["timeout", "10", "bash", "-c", ask]))
    }
}
