//! Two tasks beside a scene: the real watchdog, and the eye that samples the world for the timeline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use relais_failover::Site;
use relais_failover::act::Action;
use relais_failover::sighting::ProbeSight;
use relais_host::clock::unix_now;
use relais_host::secret::Secret;
use relais_watchdog::alert::LogAlert;
use relais_watchdog::probe::{HttpProbe, ProbeConfig};
use relais_watchdog::tick::Outcome;
use relais_watchdog::{Memory, Ports, Probe as _, TickReport, run};
use tokio::task::JoinHandle;

use super::scene::Scene;
use super::stage::Stage;
use crate::nodes::NodeState;
use crate::report::terminal::Live;
use crate::report::{Mark, Nodes, Sample};

/// The watchdog's last look, for the timeline.
pub(super) type LastLook = Arc<Mutex<Option<TickReport>>>;

/// The watchdog's eye on the laptop: over the public path, with the key that it knows.
fn probe(stage: &Stage) -> anyhow::Result<HttpProbe> {
    let key = Secret::new(&stage.health_key).ok_or_else(|| anyhow::anyhow!("the rehearsal's key is empty"))?;
    let url = format!("http://{}/health", stage.public.address());
    Ok(HttpProbe::new(ProbeConfig::by_policy(url, key, &stage.policy))?)
}

/// Waits until the laptop is seen to be well, at most so many protocol seconds: where the path to it is not ours, a rehearsal
/// on a path that never led anywhere would show nothing.
///
/// # Errors
/// It was not well in time.
pub(super) async fn laptop_is_well(stage: &Stage, seconds: u64) -> anyhow::Result<()> {
    let (probe, deadline) = (probe(stage)?, stage.now_ms() + seconds * 1000);
    loop {
        let sight = probe.probe().await;
        if sight == ProbeSight::Ok {
            return Ok(());
        }
        if stage.now_ms() >= deadline {
            let log = stage.bot_log(Site::Laptop).await;
            anyhow::bail!("the laptop's health was {} and not good in time; its bot's log: {log}", sight.as_str());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Starts the real watchdog against the public path, the store and the small EC2. In a cloud account another one watches.
pub(super) fn watch(stage: &Arc<Stage>) -> anyhow::Result<JoinHandle<()>> {
    let probe = probe(stage)?;
    let stage = Arc::clone(stage);
    Ok(tokio::spawn(async move {
        let Some(ec2) = stage.machines.small() else { return };
        let memory = Memory::default();
        let ports = Ports {
            store: stage.store.as_ref(),
            probe: &probe,
            standby: ec2,
            alert: &LogAlert,
            memory: &memory,
            dry_run: false,
        };
        let report = |look: &TickReport| note(&stage, look);
        run::run(&ports, &stage.policy, unix_now, report, stage.over.cancelled()).await;
    }))
}

fn note(stage: &Stage, look: &TickReport) {
    stage.ledger.alerted(&look.alerts);
    let verb = match look.action {
        Action::Nothing | Action::Wait => None,
        Action::Launch => Some("launch the standby"),
        Action::Start => Some("start the standby"),
        Action::Stop => Some("stop the standby"),
        Action::Recycle => Some("recycle the standby"),
    };
    if let Some(verb) = verb {
        stage.ledger.switched(match &look.outcome {
            Outcome::Failed(error) => format!("{verb}: {error}"),
            Outcome::Done => verb.to_owned(),
            Outcome::Idle | Outcome::DryRun | Outcome::Overtaken | Outcome::NotRemembered => {
                format!("{verb}: left undone")
            }
        });
    }
    *stage.last_look.lock().unwrap_or_else(PoisonError::into_inner) = Some(look.clone());
}

/// Starts the live view; it gives back its samples and itself when the scene is over.
pub(super) fn show(stage: &Arc<Stage>, scene: Scene) -> JoinHandle<(Vec<Sample>, Live)> {
    let stage = Arc::clone(stage);
    tokio::spawn(async move {
        let mut live = Live::start(scene.name(), scene.title(), scene.expected_seconds() * 1000);
        let mut samples = Vec::new();
        let mut shown = 0;
        let pause = stage.pace.real(Duration::from_secs(1)).max(Duration::from_millis(50));
        while !stage.over.is_cancelled() {
            shown = show_marks(&mut live, &stage, shown);
            let sample = look(&stage, samples.last()).await;
            live.sample(&sample);
            samples.push(sample);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stage.over.cancelled() => {}
            }
        }
        show_marks(&mut live, &stage, shown);
        (samples, live)
    })
}

fn show_marks(live: &mut Live, stage: &Stage, shown: usize) -> usize {
    let marks: Vec<Mark> = stage.all_marks();
    for mark in marks.iter().skip(shown) {
        live.mark(mark);
    }
    marks.len()
}

async fn look(stage: &Stage, before: Option<&Sample>) -> Sample {
    // A store that does not answer in time says nothing about the lease: it stands as it was seen last.
    let (holder, term, offer) = match stage.store.read_board().await {
        Ok(board) => board
            .lease
            .map_or((None, 0, None), |lease| (lease.holder.map(|claim| claim.site), lease.term.0, lease.offer)),
        Err(_) => before.map_or((None, 0, None), |before| (before.holder, before.term, before.offer)),
    };
    let instance = stage.instance().await.as_str().to_owned();
    let (probe, desired) = {
        let last = stage.last_look.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |look| (look.sighting.probe.as_str().to_owned(), look.desired.as_str().to_owned()),
        )
    };
    let counts = stage.users.counts();
    Sample {
        at_ms: stage.now_ms(),
        holder,
        term,
        offer,
        probe,
        desired,
        instance,
        nodes: Nodes { laptop: word(stage.laptop.state()), cloud: word(stage.cloud.state()) },
        answered_laptop: counts.answered_laptop,
        answered_cloud: counts.answered_cloud,
        missed: counts.missed,
    }
}

fn word(state: NodeState) -> String {
    match state {
        NodeState::Down => "down",
        NodeState::Up => "up",
        NodeState::Suspended => "suspended",
        NodeState::Stopping => "stopping",
    }
    .to_owned()
}
