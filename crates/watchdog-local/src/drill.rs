//! `watchdog-local drill`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use relais_host::exit::BadUsage;
use relais_world::drill::{DrillOptions, Program, Scene, run as rehearse};
use relais_world::guest::GuestConfig;
use relais_world::report::{html, json, table, terminal};

use crate::arguments::Drill;

/// Rehearses, prints the table, writes the reports.
pub(crate) fn run(drill: Drill) -> anyhow::Result<()> {
    // The timeline is what people look at; the log speaks only of trouble unless asked.
    relais_host::trace::init_at(false, "error");
    let options = options(&drill)?;
    if drill.check_config {
        drill.sites.as_deref().map(crate::sites::read).transpose()?;
        println!("the arguments and the policy are good");
        return Ok(());
    }
    let html_file = drill.html.clone().unwrap_or_else(|| PathBuf::from("drill.html"));
    writable(&html_file)?;
    if let Some(file) = &drill.json {
        writable(file)?;
    }
    relais_host::shutdown::die_with_parent().context("ask to end with the parent")?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let report = runtime.block_on(async {
        let shutdown = relais_host::shutdown::token();
        #[cfg(feature = "aws")]
        if let Some(file) = &drill.account {
            let account = crate::account::open(file, &options).await?;
            return relais_world::drill::in_account(&options, &account, &shutdown).await;
        }
        match &drill.sites {
            Some(file) => relais_world::drill::at_kept_sites(&options, &crate::sites::read(file)?, &shutdown).await,
            None => rehearse(&options, &shutdown).await,
        }
    });
    terminal::restore_cursor();
    let report = report?;
    print!("\n{}", table::render(&report, terminal::colour_wanted()));
    if let Some(file) = &drill.json {
        write(file, &json::render(&report)?)?;
    }
    write(&html_file, &html::render(&report))?;
    println!("\nThe timeline is drawn in {}.", html_file.display());
    if report.passed() { Ok(()) } else { Err(anyhow::anyhow!("a promise broke: see the table above")) }
}

fn options(drill: &Drill) -> anyhow::Result<DrillOptions> {
    let scenes = drill.chosen()?;
    let policy = relais_host::config::policy(drill.policy.as_deref())?;
    let default = |scene: &Scene| if drill.sites.is_some() { 1.0 } else { scene.default_pace() };
    for pace in scenes.iter().map(|scene| drill.pace.unwrap_or_else(|| default(scene))) {
        policy.paced(pace).map_err(|error| BadUsage(format!("--pace {pace}: {error}")))?;
    }
    #[cfg(feature = "mutants")]
    let mutant = drill.mutant.clone();
    #[cfg(not(feature = "mutants"))]
    let mutant = None;
    Ok(DrillOptions {
        scenes,
        pace: drill.pace,
        program: Program { path: std::env::current_exe().context("find this program")?, mutant },
        laptop: drill.laptop.as_deref().map(guest).transpose()?,
        targets: drill.targets.clone(),
        openapi: openapi(drill.openapi.as_deref())?,
        policy,
        keep: drill.keep_logs.clone(),
    })
}

/// The laptop's machine, of which everything must be there.
fn guest(file: &Path) -> anyhow::Result<GuestConfig> {
    let config: GuestConfig = relais_host::config::load(file)?;
    config.check().map_err(|error| BadUsage(format!("{}: {error}", file.display())))?;
    Ok(config)
}

/// Discord's document: the named one must be there, the shared one may be.
pub(crate) fn openapi(named: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    if let Some(file) = named {
        return match file.is_file() {
            true => Ok(Some(file.to_owned())),
            false => Err(BadUsage(format!("--openapi {}: there is no such file", file.display())).into()),
        };
    }
    let shared = std::env::var_os("RELAIS_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let file = shared.join("data/discord-openapi.json");
    if file.is_file() {
        return Ok(Some(file));
    }
    eprintln!("note: {} is not there, so requests are judged by the hand-written rules alone", file.display());
    Ok(None)
}

/// A report that cannot be written is found out before the rehearsal, not after it.
fn writable(file: &Path) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .map(drop)
        .with_context(|| format!("write {}", file.display()))
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
}
