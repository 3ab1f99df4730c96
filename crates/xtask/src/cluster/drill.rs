//! Two clusters, one bot: the drill of `watchdog-local` with the sites' processes as pods.
//!
//! The small Discord, the store, the watchdog and the small EC2 are processes of this machine, reached over a cable from each
//! cluster. The standby's machine is the cluster `ec2`, whose pods are what the small EC2 starts and stops. The bot takes a
//! store without encryption from its own machine only, so a carrier in its pod listens there and leads to the store's service.

use std::path::Path;

use anyhow::{Context as _, ensure};
use relais_failover::Policy;
use serde_json::{Value, json};

use super::hand::Hand;
use super::kube::{Cluster, Tool};
use super::objects::{deployment, endpoints, rendered, secret, service, translated, with_settings};
use super::site::{COMPONENTS, Plan};
use super::table::{HEALTH_KEY, TOKEN};
use super::{Built, part, reference};
use crate::gate::Gate;
use crate::process::Log;

/// One for each site: `(the cluster, the site)`.
const SITES: [(&str, &str); 2] = [("laptop", "laptop"), ("ec2", "cloud")];
/// The clusters' names.
pub(crate) const CLUSTERS: [&str; 2] = [SITES[0].0, SITES[1].0];
/// What is played unless told otherwise.
pub(crate) const SCENES: [&str; 4] = ["crash", "lid", "store-cut", "home"];
/// What a bot calls the gateway.
const GATEWAY: &str = "ws://10.43.0.90:7001";
/// The store's service, and where the carrier in the bot's pod listens for it.
const STORE: ([u8; 4], u16) = ([10, 43, 0, 91], 7000);
const NEAR_STORE: &str = "127.0.0.1:7000";
const APPLICATION: u64 = 1_000_000_000_000_000_000;

/// Makes the clusters, plays the scenes, prints their table; whether every promise was kept.
///
/// # Errors
/// A cluster does not come up, or the drill ends without a report.
pub(crate) fn play(
    gate: &Gate,
    hand: &Hand<'_>,
    log: &Log,
    tool: &Tool,
    built: &Built,
    how: &How,
) -> anyhow::Result<bool> {
    let folder = gate.reports.join("cluster");
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let policy = Policy::embedded().paced(how.pace).with_context(|| format!("run at pace {}", how.pace))?;
    let (overlay, said) = translated(&rendered(gate, log, "test")?);
    hand.say("what this Kubernetes does not know, or does not do:")?;
    for line in said {
        hand.say(&format!("  {line}"))?;
    }
    let mut described = json!({ "application_id": APPLICATION });
    for (cluster, site) in SITES {
        let made = part(hand, &format!("start the cluster {cluster}"), || tool.up(hand, cluster))?;
        let plan = plan(built, &overlay, &made, site, &policy)?;
        part(hand, &format!("load and apply the site {site}"), || plan.fill(hand, &made))?;
        plan.keep(&folder)?;
        described[site] = json!({
            "ways": { "store": made.machine.store(), "discord": made.machine.discord(), "gateway": GATEWAY },
            "acts": plan.acts(&folder)?,
        });
        if site == "laptop" {
            described["health"] = json!(Plan::public(&made));
        }
    }
    for (key, name, secret) in [("token_file", "token", TOKEN), ("health_key_file", "health.key", HEALTH_KEY)] {
        let file = folder.join(name);
        crate::files::write_private(&file, secret.as_bytes())?;
        described[key] = json!(file);
    }
    let sites = folder.join("sites.json");
    std::fs::write(&sites, described.to_string()).with_context(|| format!("write {}", sites.display()))?;
    let report = gate.reports.join("cluster-drill.json");
    let mut drill = gate.command(built.programs.join("watchdog-local"));
    drill.arg("drill").arg("--sites").arg(&sites).args(["--scene", &how.scenes.join(",")]);
    drill.args(["--pace", &how.pace.to_string()]).arg("--json").arg(&report);
    drill.arg("--html").arg(gate.reports.join("cluster-drill.html")).arg("--keep-logs").arg(folder.join("logs"));
    let kept = part(hand, "play the scenes", || hand.shown(drill))?;
    summary(hand, &report, how.scenes.len())?;
    Ok(kept)
}

/// Refuses scenes and paces that there are not, before clusters are made for them.
///
/// # Errors
/// In the words of `watchdog-local`.
pub(crate) fn is_known(gate: &Gate, log: &Log, programs: &Path, how: &How) -> anyhow::Result<()> {
    let mut ask = gate.command(programs.join("watchdog-local"));
    ask.args(["drill", "--check-config", "--scene", &how.scenes.join(","), "--pace", &how.pace.to_string()]);
    let asked = Hand::plain(log).ended(ask)?;
    ensure!(asked.success, "{}", asked.last_words().trim_start_matches("error: "));
    Ok(())
}

/// How the drill is played.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct How {
    /// The drill's scenes, as `watchdog-local drill` names them
    #[arg(long = "play", value_delimiter = ',', default_values = SCENES)]
    scenes: Vec<String>,
    /// Divides every number of the protocol in the drill; what a cluster needs for its pods it does not divide
    #[arg(long, default_value_t = 1.0)]
    pace: f64,
}

/// The overlay `test` as one site of two, with no pod yet.
fn plan(built: &Built, overlay: &[Value], cluster: &Cluster, site: &str, policy: &Policy) -> anyhow::Result<Plan> {
    let mut objects = overlay.to_vec();
    with_settings(&mut objects, "bot", |settings| {
        settings["site"] = site.into();
        settings["store"] = format!("http://{NEAR_STORE}").into();
        settings["policy"] = "/etc/relais/policy.json".into();
    })?;
    with_settings(&mut objects, "health", |settings| {
        settings["site"] = site.into();
        // The volume is a folder of this machine, whose disk is no part of the rehearsal.
        settings["min_disk_free_percent"] = 0.into();
        settings["policy"] = "/etc/relais/policy.json".into();
    })?;
    for object in objects.iter_mut().filter(|object| object["kind"] == "ConfigMap") {
        object["data"]["policy.json"] = policy.to_json().into();
    }
    for component in COMPONENTS {
        deployment(&mut objects, component)?["spec"]["replicas"] = 0.into();
    }
    let bot = deployment(&mut objects, "bot")?;
    let containers = bot.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    containers.context("the bot's pod has no containers")?.push(carrier());
    let store = (STORE.0, STORE.1).into();
    objects.push(service("store", store, "store"));
    objects.push(endpoints("store", "store", cluster.machine.store()));
    objects.push(endpoints("discord", "rest", cluster.machine.discord()));
    objects.push(secret("relais-discord", "token", TOKEN));
    objects.push(secret("relais-health", "key", HEALTH_KEY));
    Ok(Plan {
        cluster: cluster.name.clone(),
        images: built.archives(&["relais-bot", "relais-health", "watchdog-local"]),
        objects,
        // The watchdog looks at the preferred site alone.
        funnel: (site == "laptop").then(|| built.programs.join("watchdog-local")),
    })
}

/// What leads to the store, beside the bot in its pod and under the same rules.
fn carrier() -> Value {
    let (address, port) = STORE;
    let store = std::net::SocketAddr::from((address, port)).to_string();
    json!({
        "name": "store",
        "image": reference("relais-rehearsal"),
        "imagePullPolicy": "Never",
        "args": ["carry", "--listen", NEAR_STORE, "--to", store],
        "resources": {
            "requests": { "cpu": "10m", "memory": "16Mi", "ephemeral-storage": "8Mi" },
            "limits": { "cpu": "250m", "memory": "64Mi", "ephemeral-storage": "32Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    })
}

/// The figures that matter, a line each, out of the drill's own report.
fn summary(hand: &Hand<'_>, report: &Path, scenes: usize) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(report).with_context(|| format!("read {}", report.display()))?;
    let read: Value = serde_json::from_str(&text).context("the drill left no whole report")?;
    let played = read["scenes"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(played.len() == scenes, "{} of {scenes} scenes were played", played.len());
    for scene in played {
        let keys = ["speakers_max", "acknowledged", "lost", "duplicates", "missed", "outage_ms", "starts", "stops"];
        let figures: Vec<String> = keys.iter().map(|key| format!("{key} {}", scene[*key])).collect();
        hand.say(&format!("{}: {}", scene["scene"].as_str().unwrap_or_default(), figures.join(", ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carrier_leads_from_the_pods_own_address_to_the_stores_service() {
        let carrier = carrier();
        assert_eq!(carrier["args"], json!(["carry", "--listen", "127.0.0.1:7000", "--to", "10.43.0.91:7000"]));
        assert_eq!(carrier["securityContext"]["capabilities"]["drop"], json!(["ALL"]));
    }
}
