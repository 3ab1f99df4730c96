//! The scripts: what is broken when, and what must come of it. Times are protocol seconds.

use relais_failover::{ControlMode, Site};

use super::expect::Expectation;
use super::scene::Scene;
use super::stage::Stage;
use crate::links::LinkMode;
use crate::report::MarkKind;

/// Plays a scene on a stage where users already talk to a holder. What comes back is what only this scene promises.
pub(super) async fn play(scene: Scene, stage: &Stage) -> anyhow::Result<Expectation> {
    match scene {
        Scene::Crash => crash(stage).await,
        Scene::Lid => lid(stage).await,
        Scene::Funnel => funnel(stage).await,
        Scene::StoreCut => store_cut(stage).await,
        Scene::Suspend => suspend(stage).await,
        Scene::Flap => flap(stage).await,
        Scene::NoCapacity => no_capacity(stage).await,
        Scene::Home => home(stage).await,
        Scene::Account => in_account(stage).await,
    }
}

/// Which site the scene begins with.
pub(super) const fn first_speaker(scene: Scene) -> Site {
    match scene {
        Scene::Home => Site::Cloud,
        Scene::Crash
        | Scene::Lid
        | Scene::Funnel
        | Scene::StoreCut
        | Scene::Suspend
        | Scene::Flap
        | Scene::NoCapacity
        | Scene::Account => Site::Laptop,
    }
}

/// For how long the standby has been running when the scene begins, protocol seconds.
pub(super) const fn standby_age(scene: Scene) -> Option<u64> {
    match scene {
        Scene::Home => Some(500),
        // Warm: it takes over while the laptop still stands still.
        Scene::Suspend => Some(60),
        Scene::Crash
        | Scene::Lid
        | Scene::Funnel
        | Scene::StoreCut
        | Scene::Flap
        | Scene::NoCapacity
        | Scene::Account => None,
    }
}

async fn crash(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "laptop dies");
    stage.laptop.kill().await?;
    let mut expect = Expectation::starts(1);
    expect.that(speaks(stage, Site::Cloud, 120).await, "the cloud speaks within 120 s");
    stage.pass(5.0).await;
    expect.outage_at_most_ms = Some(95_000);
    Ok(expect)
}

async fn lid(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "lid closes: sleep is held back, the cloud is asked for");
    let closed = stage.now_ms();
    stage.control(ControlMode::ForceCloud, "lid").await?;
    let mut expect = Expectation::starts(1);
    expect.that(speaks(stage, Site::Cloud, 120).await, "the cloud speaks before the laptop sleeps");
    let held_back = stage.now_ms().saturating_sub(closed);
    let inhibit = u64::try_from(stage.pace.protocol(stage.policy.inhibit).as_millis()).unwrap_or(u64::MAX);
    expect.that(held_back <= inhibit, "sleep is held back no longer than the inhibitor lasts");
    stage.suspend_laptop().await?;
    stage.pass(10.0).await;
    stage.wake_laptop().await?;
    stage.control(ControlMode::Auto, "lid open").await?;
    expect.that(speaks(stage, Site::Laptop, 200).await, "the bot comes home");
    stage.pass(5.0).await;
    expect.outage_at_most_ms = Some(1_000);
    expect.nothing_missed = true;
    Ok(expect)
}

async fn funnel(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.link(&stage.public, LinkMode::Refused, "public path refuses").await?;
    stage.pass(20.0).await;
    stage.link(&stage.public, LinkMode::Blackhole, "public path swallows everything").await?;
    stage.pass(25.0).await;
    stage.link(&stage.public, LinkMode::Open, "public path is back").await?;
    stage.pass(10.0).await;
    let mut expect = Expectation::starts(0);
    let told = stage.ledger.alerts().contains(&relais_failover::decide::Alert::PublicPathDown);
    expect.that(told, "people are told that the public path is down");
    expect.nothing_missed = true;
    expect.outage_at_most_ms = Some(5_000);
    Ok(expect)
}

async fn store_cut(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.laptop_store(LinkMode::Blackhole, "laptop loses the store").await?;
    let cut = stage.now_ms();
    let mut expect = Expectation::starts(1);
    expect.that(speaks(stage, Site::Cloud, 120).await, "the cloud speaks");
    stage.laptop_store(LinkMode::Open, "laptop has the store again").await?;
    stage.pass(10.0).await;
    let fence = u64::try_from(stage.pace.protocol(stage.policy.self_fence).as_millis()).unwrap_or(u64::MAX);
    let last = stage.last_effect_ms(Site::Laptop);
    expect.that(
        last.is_none_or(|last| last <= cut + fence),
        "the laptop is silent by itself no later than self_fence after its last renewal",
    );
    expect.outage_at_most_ms = Some(95_000);
    Ok(expect)
}

async fn suspend(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.suspend_laptop().await?;
    let asleep = stage.now_ms();
    let mut expect = Expectation::starts(0);
    expect.that(speaks(stage, Site::Cloud, 39).await, "the cloud speaks while the laptop stands still");
    stage.pass((40.0 - (stage.now_ms() - asleep) as f64 / 1000.0).max(0.0)).await;
    // A machine that wakes has Discord's socket at once and the rest of its network a little later.
    stage.laptop_store(LinkMode::Blackhole, "the store is not reachable yet for the waking laptop").await?;
    let woken = stage.now_ms();
    stage.wake_laptop().await?;
    stage.pass(8.0).await;
    stage.laptop_store(LinkMode::Open, "the store is reachable again").await?;
    stage.pass(12.0).await;
    let spoke = stage.last_effect_ms(Site::Laptop).is_some_and(|last| last >= woken);
    expect.that(!spoke, "the woken laptop does not speak on its dead lease");
    expect.outage_at_most_ms = Some(45_000);
    Ok(expect)
}

async fn flap(stage: &Stage) -> anyhow::Result<Expectation> {
    let mut expect = Expectation::starts(1);
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "laptop dies");
    stage.laptop.kill().await?;
    expect.that(speaks(stage, Site::Cloud, 120).await, "the cloud speaks");
    stage.mark(MarkKind::Recovery, "laptop returns");
    stage.laptop.start().await?;
    expect.that(speaks(stage, Site::Laptop, 180).await, "the bot comes home after the first flip");
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "laptop dies again");
    stage.laptop.kill().await?;
    expect.that(speaks(stage, Site::Cloud, 60).await, "the cloud, still running, speaks");
    stage.mark(MarkKind::Recovery, "laptop returns again");
    let returned = stage.now_ms();
    stage.laptop.start().await?;
    // 120 s were enough the first time; the second flip doubles them.
    stage.pass(150.0).await;
    let hasty = stage.last_effect_ms(Site::Laptop).is_some_and(|last| last >= returned);
    expect.that(!hasty, "the second hand-back waits longer than the first");
    expect.outage_at_most_ms = Some(95_000);
    Ok(expect)
}

async fn no_capacity(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.fail_capacity(3);
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "laptop dies, and there is no capacity");
    stage.laptop.kill().await?;
    let mut expect = Expectation::starts(1);
    expect.that(speaks(stage, Site::Cloud, 150).await, "the cloud speaks once there is capacity");
    stage.pass(5.0).await;
    let told = stage.ledger.alerts().contains(&relais_failover::decide::Alert::NoCapacity);
    expect.that(told, "people are told that there is no capacity");
    expect.outage_at_most_ms = Some(115_000);
    Ok(expect)
}

async fn home(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.mark(MarkKind::Recovery, "laptop returns");
    stage.laptop.start().await?;
    let mut expect = Expectation::starts(0);
    expect.that(speaks(stage, Site::Laptop, 180).await, "the bot comes home");
    machine_goes_after_home(stage, &mut expect, 120).await;
    stage.pass(5.0).await;
    expect.stops = Some(1);
    expect.nothing_missed = true;
    expect.outage_at_most_ms = Some(5_000);
    Ok(expect)
}

async fn in_account(stage: &Stage) -> anyhow::Result<Expectation> {
    stage.pass(5.0).await;
    stage.mark(MarkKind::Fault, "laptop dies");
    stage.laptop.kill().await?;
    let mut expect = Expectation::starts(1);
    expect.that(speaks(stage, Site::Cloud, 150).await, "the cloud speaks");
    stage.pass(20.0).await;
    stage.mark(MarkKind::Recovery, "laptop returns");
    let returned = stage.now_ms();
    stage.laptop.start().await?;
    expect.that(speaks(stage, Site::Laptop, 240).await, "the bot comes home");
    let answered = stage.first_effect_since_ms(Site::Laptop, returned);
    let least = u64::try_from(stage.pace.protocol(stage.policy.min_cloud_run).as_millis()).unwrap_or(u64::MAX);
    machine_goes_since(stage, &mut expect, answered, least / 1000 + 120).await;
    stage.pass(5.0).await;
    expect.stops = Some(1);
    // Users ask every two seconds here, and looks of the watchdog may lie five seconds apart where two invocations meet.
    expect.outage_at_most_ms = Some(100_000);
    Ok(expect)
}

async fn machine_goes_after_home(stage: &Stage, expect: &mut Expectation, seconds: u64) {
    let spoke = stage.first_effect_ms(Site::Laptop);
    machine_goes_since(stage, expect, spoke, seconds).await;
}

/// The machine must be gone within so many seconds, and not be stopped before the laptop spoke and renewed twice.
async fn machine_goes_since(stage: &Stage, expect: &mut Expectation, spoke: Option<u64>, seconds: u64) {
    let gone = stage.until(seconds, |stage| stage.machine_gone()).await;
    expect.that(gone, "the cloud machine is gone in the end");
    let stopped = stage.first_stop_ms();
    expect.that(
        matches!((spoke, stopped), (Some(spoke), Some(stopped)) if spoke < stopped),
        "the cloud stops only after the laptop spoke",
    );
    let renewals = stopped.map_or(0, |stopped| stage.ledger.renewals_before(Site::Laptop, stopped));
    expect.that(renewals >= 2, "the cloud stops only after two renewals of the laptop");
}

/// Waits until this site has an effect accepted after now.
async fn speaks(stage: &Stage, site: Site, seconds: u64) -> bool {
    let from = stage.now_ms();
    stage.until(seconds, |stage| stage.last_effect_ms(site).is_some_and(|last| last > from)).await
}
