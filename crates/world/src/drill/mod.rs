//! The drill: scenes in which real bots and health servers of two sites, the real watchdog, a store, a small Discord
//! and a small EC2 live through a failure, and are judged by what the small Discord and the store wrote down.

mod account;
mod expect;
mod files;
mod ground;
mod kept;
mod ledger;
mod machine;
mod place;
mod scene;
mod scenes;
mod stage;
mod verdict;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use relais_failover::{Policy, Site};
use tokio_util::sync::CancellationToken;

use crate::guest::GuestConfig;
use crate::report::{DrillReport, SceneReport};
pub use account::Account;
use ground::Ground;
pub use kept::{Acts, Kept, KeptSites, KeptWays};
use place::Place;
pub use scene::{Scene, UnknownScene};
pub use stage::Program;
use stage::Stage;

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// The scenes, in order.
    pub scenes: Vec<Scene>,
    /// One pace for all; each scene's own if none.
    pub pace: Option<f64>,
    /// How the sites' processes are started.
    pub program: Program,
    /// The laptop as a virtual machine, which sleeps as hardware does; processes of this machine if none.
    pub laptop: Option<GuestConfig>,
    /// Where a Prometheus is told of each scene's processes.
    pub targets: Option<PathBuf>,
    /// Discord's OpenAPI document, if it is at hand.
    pub openapi: Option<PathBuf>,
    /// The policy before pacing.
    pub policy: Policy,
    /// Where each scene's folder is copied when a promise broke, to look into the logs.
    pub keep: Option<PathBuf>,
}

/// Plays the scenes one after the other. `shutdown` ends the drill early; everything that was started is ended then.
///
/// # Errors
/// When a world cannot be built (no loopback network, no space, a program that does not start), or on `shutdown`.
pub async fn run(options: &DrillOptions, shutdown: &CancellationToken) -> anyhow::Result<DrillReport> {
    all(options, Place::Here, |scene| scene.default_pace(), shutdown).await
}

/// The same around machines that somebody else keeps, at pace 1 unless told otherwise: what runs there is not ours to hurry.
///
/// # Errors
/// As [`run`], and if a machine does not do as it is told.
pub async fn at_kept_sites(
    options: &DrillOptions,
    sites: &KeptSites,
    shutdown: &CancellationToken,
) -> anyhow::Result<DrillReport> {
    all(options, Place::Kept(sites), |_| 1.0, shutdown).await
}

async fn all(
    options: &DrillOptions,
    place: Place<'_>,
    pace: impl Fn(Scene) -> f64,
    shutdown: &CancellationToken,
) -> anyhow::Result<DrillReport> {
    let mut scenes = Vec::new();
    for scene in options.scenes.iter().copied() {
        let pace = options.pace.unwrap_or_else(|| pace(scene));
        let played = play(scene, pace, options, place, shutdown).await;
        scenes.push(played.with_context(|| format!("play scene {scene}"))?);
    }
    report(options, scenes)
}

/// Plays a whole failover in a cloud account that is there already: its table, its watchdog, its machines.
///
/// # Errors
/// As [`run`], and if the account's store cannot be reached.
pub async fn in_account(
    options: &DrillOptions,
    account: &Account,
    shutdown: &CancellationToken,
) -> anyhow::Result<DrillReport> {
    let pace = options.pace.unwrap_or_else(|| Scene::Account.default_pace());
    let played =
        play(Scene::Account, pace, options, Place::Account(account), shutdown).await.context("play in the account")?;
    report(options, vec![played])
}

fn report(options: &DrillOptions, scenes: Vec<SceneReport>) -> anyhow::Result<DrillReport> {
    let policy = serde_json::from_str(&options.policy.to_json()).context("show the policy")?;
    Ok(DrillReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pace_note: "Every number of the protocol and of Discord's own times is divided by the scene's pace; all times \
                    shown are protocol time, that is real time multiplied by the pace."
            .to_owned(),
        scenes,
        policy,
    })
}

async fn play(
    scene: Scene,
    pace: f64,
    options: &DrillOptions,
    place: Place<'_>,
    shutdown: &CancellationToken,
) -> anyhow::Result<SceneReport> {
    let stage = tokio::select! {
        stage = Stage::build(options, pace, place) => stage?,
        () = shutdown.cancelled() => anyhow::bail!("interrupted"),
    };
    let stage = Arc::new(stage);
    let played = tokio::select! {
        played = perform(scene, &stage, place.account()) => played,
        () = shutdown.cancelled() => Err(anyhow::anyhow!("interrupted")),
    };
    let keep = match &played {
        Ok(report) if report.passed => None,
        Ok(_) | Err(_) => options.keep.as_ref(),
    };
    if let Some(folder) = keep {
        for site in Site::ALL {
            stage.ground(site).leave_log(stage.folder.path()).await;
        }
        keep_logs(stage.folder.path(), &folder.join(scene.name()));
    }
    stage.over.cancel();
    if shutdown.is_cancelled() {
        stage.laptop.let_go();
        stage.cloud.let_go();
    }
    stage.laptop.clear().await;
    stage.cloud.clear().await;
    match Arc::try_unwrap(stage) {
        Ok(stage) => stage.strike().await,
        // A task that has not noticed the end yet still looks at the stage; dropping it closes the rest.
        Err(stage) => drop(stage),
    }
    played
}

async fn perform(scene: Scene, stage: &Arc<Stage>, account: Option<&Account>) -> anyhow::Result<SceneReport> {
    let live = watching::show(stage, scene);
    let reading = account.map(|_| account::read_the_lease(stage));
    let result = act(scene, stage, account).await;
    stage.over.cancel();
    let (samples, mut live) = live.await.context("end the live view")?;
    if let Some(reading) = reading {
        reading.await.context("end the reading of the lease")?;
    }
    let mut report = verdict::judge(scene, stage, result?, samples).await?;
    report.timeline.marks = stage.all_marks();
    live.finish(&report);
    Ok(report)
}

/// Brings the first speaker up, lets users talk, plays the script, lets the last interactions end.
async fn act(scene: Scene, stage: &Arc<Stage>, account: Option<&Account>) -> anyhow::Result<expect::Expectation> {
    let first = scenes::first_speaker(scene);
    let standby = scenes::standby_age(scene);
    if account.is_some() {
        account::before_the_first_site(stage).await?;
    }
    if let (Site::Cloud, Some(age)) = (first, standby) {
        machine::preset(stage, age).await;
    } else {
        stage.laptop.start().await?;
    }
    let up = stage.until(120, |stage| stage.connected(first)).await;
    if !up {
        anyhow::bail!("the {first} did not connect to Discord; its log: {}", stage.bot_log(first).await);
    }
    if let (Site::Laptop, Some(age)) = (first, standby) {
        machine::preset(stage, age).await;
    }
    if account.is_some() {
        account::after_the_first_site(stage).await?;
    }
    if first == Site::Laptop && matches!(stage.laptop.as_ref(), Ground::Kept(_)) {
        watching::laptop_is_well(stage, 120).await?;
    }
    // Only now: a watchdog that is switched on before the first site ever spoke starts the cloud, and rightly so.
    let watchdog = watching::watch(stage)?;
    stage.users.start();
    stage.until(30, |stage| stage.last_effect_ms(first).is_some()).await;
    let expectation = scenes::play(scene, stage).await;
    stage.users.stop().await;
    if account.is_some() {
        account::after_the_last_site(stage).await?;
    }
    stage.over.cancel();
    watchdog.await.context("end the watchdog")?;
    expectation
}

fn keep_logs(from: &std::path::Path, to: &std::path::Path) {
    let copied = std::fs::create_dir_all(to).and_then(|()| {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    });
    match copied {
        Ok(()) => tracing::warn!(folder = %to.display(), "a promise broke: the scene's logs are kept"),
        Err(error) => tracing::warn!(%error, "the scene's logs could not be kept"),
    }
}
