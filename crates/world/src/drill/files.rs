//! What the sites' programs are told: settings, keys and policy, in the programs' own form.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use relais_failover::{Policy, Site};
use serde_json::json;

use super::place::APPLICATION;
use super::stage::Program;
use crate::addresses::{Addresses, Party};
use crate::nodes::ProcessConfig;

/// What both sites have in common.
pub(super) struct Told<'a> {
    pub(super) folder: &'a Path,
    pub(super) addresses: &'a Addresses,
    pub(super) policy: &'a Policy,
    pub(super) program: &'a Program,
    /// The store's address, if it is not the rehearsal's own.
    pub(super) store: Option<&'a str>,
    /// Signs the health answers.
    pub(super) health_key: &'a str,
    /// Where the laptop's bot asks Discord for anything, if that is not the near end of its link.
    pub(super) laptop_discord: Option<SocketAddr>,
    /// Whether the bots take backups: for somebody who wants to see all that they can show.
    pub(super) backups: bool,
}

pub(super) fn suspension_file(folder: &Path) -> PathBuf {
    folder.join("suspended-ms")
}

pub(super) fn process_of(program: &Program, folder: &Path, site: Site, process: &str) -> ProcessConfig {
    let config = folder.join(format!("{site}-{process}.json"));
    ProcessConfig {
        name: process.to_owned(),
        program: program.path.clone(),
        args: vec![process.to_owned(), "--config".to_owned(), config.display().to_string()],
        env: vec![
            ("RELAIS_SUSPENDED_MS_FILE".to_owned(), suspension_file(folder).display().to_string()),
            ("RUST_LOG".to_owned(), "info".to_owned()),
        ],
    }
}

/// Configuration, keys and policy of both sites, in the programs' own form.
pub(super) fn write_files(told: &Told<'_>) -> anyhow::Result<()> {
    let Told { folder, addresses, policy, program, store, health_key, laptop_discord, backups } = told;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        anyhow::Ok(path)
    };
    let token = write("token", super::place::TOKEN.to_owned())?;
    let key = write("key", (*health_key).to_owned())?;
    let policy = write("policy.json", policy.to_json())?;
    write("suspended-ms", "0".to_owned())?;
    for site in Site::ALL {
        let discord = laptop_discord.filter(|_| site == Site::Laptop).unwrap_or_else(|| addresses.discord_link(site));
        let mut bot = json!({
            "site": site,
            "preferred": Site::Laptop,
            "store": store.map_or_else(|| format!("http://{}", addresses.store_link(Party::Site(site))), str::to_owned),
            "listen": addresses.bot(site),
            "discord": {
                "token_file": token,
                "rest_base": format!("http://{discord}"),
                "application_id": APPLICATION.to_string(),
            },
            "policy": policy,
            "name": null,
        });
        // Only the laptop is broken: the failure must be its own.
        if let Some(mutant) = program.mutant.as_ref().filter(|_| site == Site::Laptop) {
            bot["mutant"] = json!(mutant);
        }
        if *backups {
            let kept = folder.join(format!("{site}-backups"));
            std::fs::create_dir(&kept).with_context(|| format!("make {}", kept.display()))?;
            bot["backup"] = json!({ "folder": kept });
        }
        write(&format!("{site}-bot.json"), bot.to_string())?;
        let health = json!({
            "site": site,
            "listen": addresses.health(site),
            "metrics_listen": addresses.health_metrics(site),
            "bot_facts": format!("http://{}/facts", addresses.bot(site)),
            "key_file": key,
            "state_dir": folder,
            "min_disk_free_percent": 1,
            "policy": policy,
        });
        write(&format!("{site}-health.json"), health.to_string())?;
    }
    Ok(())
}

/// The pages of both sites' processes, as Prometheus reads targets from a file. It looks again whenever the file changes.
pub(super) fn write_targets(file: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let page = |job: &str, site: Site, address: SocketAddr| json!({ "targets": [address], "labels": { "job": job, "site": site } });
    let pages = Site::ALL
        .map(|site| [page("bot", site, addresses.bot(site)), page("health", site, addresses.health_metrics(site))]);
    // A half-written file would be read as one without targets.
    let beside = file.with_extension("new");
    std::fs::write(&beside, json!(pages.concat()).to_string())
        .with_context(|| format!("write {}", beside.display()))?;
    std::fs::rename(&beside, file).with_context(|| format!("write {}", file.display()))
}
