//! Monitoring against real processes: a Prometheus with our settings and rules scrapes both sites of a drill, and afterwards every
//! metric that a rule or a dashboard names, and every panel, must have had something to show.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::MONITORING;
use super::metrics::Monitoring;
use super::tools::Prometheus;
use crate::cloud::free_port;
use crate::drill::shipped;
use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;
use crate::table::Outcome;

/// A scene in which both sites speak, at a pace at which its users are reminded.
const SCENE: [&str; 4] = ["--scene", "lid", "--pace", "3"];
/// The drill is paced, so Prometheus looks more often than it would.
const LOOKS: &str = "1s";
/// What a machine without a battery never shows, and what shows nothing while all is well.
const MAY_BE_EMPTY: &[&str] = &["machine_on_battery", "machine_battery_ratio", "watchdog_alert_timestamp_seconds"];
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// Scrapes a drill and asks.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let programs = match Prometheus::found(gate, log)? {
        Ok(programs) => programs,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let program = shipped(gate, log)?;
    let monitoring = Monitoring::read(&gate.root)?;
    let server = Server::start(gate, &programs)?;

    let began = unix_seconds();
    let mut drill = gate.command(program);
    drill.arg("drill").args(SCENE).arg("--targets").arg(&server.targets);
    drill
        .arg("--json")
        .arg(gate.reports.join("monitoring.json"))
        .arg("--html")
        .arg(gate.reports.join("monitoring.html"));
    let played = log.run(drill, None)?;
    let span = (began, unix_seconds());

    let (mut passed, mut faults) = (0, Vec::new());
    if !played.success {
        faults.push(format!("the drill: {}", played.ending));
    }
    let named = monitoring.named().into_iter().map(|name| (format!("metric {name}"), name));
    let shown = monitoring.shown.iter().map(|shown| (shown.place.clone(), shown.text.clone()));
    for (what, query) in named.chain(shown) {
        let may_be_empty = MAY_BE_EMPTY.iter().any(|name| query.contains(name)) || query == "ALERTS";
        match server.points(gate, &programs, &query, span) {
            Ok(points) if points > 0 || may_be_empty => passed += 1,
            Ok(_) => faults.push(format!("{what}: nothing to show")),
            Err(error) => faults.push(format!("{what}: {error:#}")),
        }
    }
    for fault in &faults {
        log.say(fault)?;
    }
    let note = match faults.first() {
        None => "metrics and panels of a drill that Prometheus scraped".to_owned(),
        Some(first) => first.clone(),
    };
    Ok(Outcome::Ran { passed, failed: faults.len() as u64, note })
}

/// A Prometheus of our own; ends with this value.
struct Server {
    child: Child,
    address: String,
    /// The list that it scrapes.
    targets: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(gate: &Gate, programs: &Prometheus) -> anyhow::Result<Self> {
        let folder = gate.reports.join("prometheus");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        for part in ["rules", "targets"] {
            let part = folder.join(part);
            std::fs::create_dir_all(&part).with_context(|| format!("make {}", part.display()))?;
        }
        for rules in files(&gate.root.join(MONITORING).join("rules"))? {
            let copy = folder.join("rules").join(rules.file_name().unwrap_or_default());
            std::fs::copy(&rules, &copy).with_context(|| format!("write {}", copy.display()))?;
        }
        let config = folder.join("prometheus.yml");
        let text = config_for(&gate.root.join(MONITORING).join("prometheus.yml"), &address)?;
        std::fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;

        let log = std::fs::File::create(folder.join("prometheus.log")).context("write Prometheus's log")?;
        let mut command = gate.command(&programs.server);
        command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address={address}"));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.stdin(Stdio::null()).stdout(log.try_clone().context("share a log")?).stderr(log);
        let child = command.spawn().context("start Prometheus")?;
        let mut server = Self { child, address, targets: folder.join("targets/drill.json") };
        server.until_ready(gate, programs)?;
        Ok(server)
    }

    fn until_ready(&mut self, gate: &Gate, programs: &Prometheus) -> anyhow::Result<()> {
        let started = SystemTime::now();
        while self.points(gate, programs, "vector(1)", (unix_seconds(), unix_seconds() + 1)).is_err() {
            if let Some(status) = self.child.try_wait().context("wait for Prometheus")? {
                bail!("Prometheus ended ({status}): see target/gate/prometheus/prometheus.log");
            }
            ensure!(started.elapsed().is_ok_and(|elapsed| elapsed < PATIENCE), "Prometheus does not answer");
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// How many points a query has in a span of Unix seconds.
    fn points(&self, gate: &Gate, programs: &Prometheus, query: &str, span: (u64, u64)) -> anyhow::Result<usize> {
        let mut ask = gate.command(&programs.tool);
        ask.args(["query", "range", "--format=json", "--step=1s"]);
        ask.arg(format!("--start={}", span.0)).arg(format!("--end={}", span.1));
        ask.arg(format!("http://{}", self.address)).arg(query);
        let output = ask.output().context("start promtool")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", words.lines().next().unwrap_or("refused without a word"));
        let answer: Value = serde_json::from_slice(&output.stdout).context("read the answer")?;
        let series = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(series.iter().filter_map(|one| one["values"].as_array()).map(Vec::len).sum())
    }
}

/// Our settings with what this place has otherwise: how often to look, whom to tell, itself.
fn config_for(file: &Path, own: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let mut config: Value = serde_norway::from_str(&text).with_context(|| format!("read {}", file.display()))?;
    for key in ["scrape_interval", "scrape_timeout", "evaluation_interval"] {
        config["global"][key] = json!(LOOKS);
    }
    config.as_object_mut().context("find the settings")?.remove("alerting");
    let jobs = config["scrape_configs"].as_array_mut().context("find the scrape configs")?;
    let itself = jobs.iter_mut().find(|job| job["job_name"] == "prometheus").context("find Prometheus's own job")?;
    itself["static_configs"] = json!([{ "targets": [own] }]);
    Ok(config.to_string())
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_that_are_tried_are_the_products() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/monitoring/base/prometheus/prometheus.yml");
        let config: Value = serde_json::from_str(&config_for(&file, "127.0.0.1:1").unwrap()).unwrap();
        assert_eq!(config["rule_files"], json!(["rules/*.yml"]));
        assert_eq!(config["scrape_configs"][0]["file_sd_configs"][0]["files"], json!(["targets/*.json"]));
        assert_eq!(config["scrape_configs"][1]["static_configs"][0]["targets"], json!(["127.0.0.1:1"]));
        assert!(config.get("alerting").is_none());
    }
}
