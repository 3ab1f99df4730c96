//! One look and what follows from it: observe -> decide -> remember -> act.
//!
//! The act is written down in WATCH *before* it is done, under optimistic locking, so of two overlapping ticks (the
//! schedule delivers at least once) only the one that wrote acts. A tick that reads the memory after that write and still
//! does not see the machine sends the same start again under the same idempotent token.

use core::time::Duration;

use relais_failover::act::{Action, InstanceState, Plan, plan};
use relais_failover::damping::flips;
use relais_failover::decide::{Alert, Desired, desired};
use relais_failover::sighting::Sighting;
use relais_failover::watch::{LeaseLook, Look};
use relais_failover::{Board, Policy, Timestamp, WallClock, WatchRecord};
use relais_store::{StoreError, WatchError};
use tracing::{info, warn};

use crate::ports::{Machine, Ports, StandbyError};

/// How many entries of the failover history bear on the damping.
const HISTORY: usize = 64;

/// What one tick saw and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickReport {
    /// The look, reduced.
    pub sighting: Sighting,
    /// The lease as read, if it could be.
    pub board: Option<Board>,
    /// The standby; none if it could not be looked at.
    pub instance: Option<InstanceState>,
    /// How long it has been running, by the provider's word.
    pub running_for: Option<Duration>,
    /// What the standby should be.
    pub desired: Desired,
    /// What was decided.
    pub action: Action,
    /// What became of it.
    pub outcome: Outcome,
    /// The alerts that were sent by this tick.
    pub alerts: Vec<Alert>,
    /// When to look again.
    pub next_look: Duration,
}

/// What became of the decided act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Idle,
    /// Done.
    Done,
    /// Left undone: a dry run.
    DryRun,
    /// Left undone: an overlapping tick was first.
    Overtaken,
    /// Left undone: it could not be written down.
    NotRemembered,
    /// Tried without success.
    Failed(StandbyError),
}

struct Seen {
    look: Look,
    board: Option<Board>,
    machines: Vec<Machine>,
    watch: Option<WatchRecord>,
    describe_error: Option<StandbyError>,
}

/// Looks once and does what follows. `now` is Unix time in milliseconds (see [`relais_failover::watch`]). Never fails:
/// what could not be seen or done is a part of the report.
pub async fn tick(ports: &Ports<'_>, policy: &Policy, now: Timestamp) -> TickReport {
    let seen = observe(ports, policy, now).await;
    let stored = seen.watch.clone();
    let mut watch = match &stored {
        Some(watch) => watch.clone(),
        None => ports.memory.0.lock().await.clone().unwrap_or_else(|| WatchRecord::new(now)),
    };
    let sighting = watch.observe(&seen.look, policy, now);
    let verdict = desired(&sighting, policy.mode);
    let mut decided = match seen.look.instance {
        Some(instance) => plan(&verdict, &sighting, instance, watch.budget(policy), policy.mode),
        None => Plan { action: Action::Nothing, alerts: verdict.alerts.clone() },
    };
    decided.alerts.extend(seen.describe_error.as_ref().map(alert_for));
    watch.remember(decided.action, policy, now);
    let mut alerts = watch.due_alerts(&decided.alerts, policy, now);
    let outcome = if ports.dry_run {
        if needs_act(decided.action) { Outcome::DryRun } else { Outcome::Idle }
    } else {
        carry_out(ports, policy, now, &mut watch, &stored, &seen, decided.action, &mut alerts).await
    };
    if outcome != Outcome::Overtaken {
        for alert in &alerts {
            ports.alert.alert(*alert).await;
        }
    }
    let next_look = watch.next_look(policy, now);
    *ports.memory.0.lock().await = Some(watch);
    TickReport {
        sighting,
        board: seen.board,
        instance: seen.look.instance,
        running_for: seen.look.running_for,
        desired: verdict.desired,
        action: decided.action,
        outcome,
        alerts,
        next_look,
    }
}

const fn needs_act(action: Action) -> bool {
    match action {
        Action::Nothing | Action::Wait => false,
        Action::Launch | Action::Start | Action::Stop | Action::Recycle => true,
    }
}

/// The memory first: whatever an earlier tick did and wrote down must be visible to the looks that follow. Those go side
/// by side: a slow one must not age the others.
async fn observe(ports: &Ports<'_>, policy: &Policy, now: Timestamp) -> Seen {
    let watch = ports.store.read_watch().await;
    let (board, history, probe, machines) = tokio::join!(
        ports.store.read_board(),
        ports.store.recent(HISTORY),
        ports.probe.probe(),
        ports.standby.describe(),
    );
    let wall = WallClock(now.as_millis());
    let flips = history.as_ref().map_or(0, |history| flips(history, wall, policy));
    let watch = match watch {
        // A memory never written is an empty one; an unreadable one is the process's own copy.
        Ok(watch) => Some(watch.unwrap_or_else(|| WatchRecord::new(now))),
        Err(error) => {
            warn!(%error, "the watchdog's memory could not be read");
            None
        }
    };
    let (lease, board) = match board {
        // Deciding on a lease without the memory of its age would take every holder for fresh.
        Ok(board) if watch.is_some() => {
            let lease = board.lease.clone().map_or(LeaseLook::Missing, |record| LeaseLook::Record(Box::new(record)));
            (lease, Some(board))
        }
        Ok(board) => (LeaseLook::Unreadable, Some(board)),
        Err(error) => {
            warn!(%error, "the lease could not be read");
            (LeaseLook::Unreadable, None)
        }
    };
    let (machines, describe_error) = match machines {
        Ok(machines) => (machines, None),
        Err(error) => {
            warn!(%error, "the standby could not be looked at");
            (Vec::new(), Some(error))
        }
    };
    let instance = describe_error.is_none().then(|| {
        machines
            .iter()
            .map(|machine| machine.state)
            .max_by_key(|state| rank(*state))
            .unwrap_or(InstanceState::Terminated)
    });
    let running_for = machines
        .iter()
        .filter(|machine| machine.state == InstanceState::Running)
        .map(|machine| machine.launched_for)
        .max();
    let control = board.as_ref().and_then(|board| board.control.clone());
    Seen { look: Look { lease, control, probe, instance, running_for, flips }, board, machines, watch, describe_error }
}

/// Of several machines the one nearest to serving counts.
const fn rank(state: InstanceState) -> u8 {
    match state {
        InstanceState::Terminated => 0,
        InstanceState::Stopped => 1,
        InstanceState::Stopping => 2,
        InstanceState::Pending => 3,
        InstanceState::Running => 4,
    }
}

#[expect(clippy::too_many_arguments, reason = "the one place where what was seen, decided and remembered meet")]
async fn carry_out(
    ports: &Ports<'_>,
    policy: &Policy,
    now: Timestamp,
    watch: &mut WatchRecord,
    stored: &Option<WatchRecord>,
    seen: &Seen,
    action: Action,
    alerts: &mut Vec<Alert>,
) -> Outcome {
    if let Err(outcome) = remember(ports, watch, stored).await {
        return if needs_act(action) || outcome == Outcome::Overtaken { outcome } else { Outcome::Idle };
    }
    if !needs_act(action) {
        return Outcome::Idle;
    }
    let done = act(ports, action, &watch.start_token(), &seen.machines).await;
    info!(?action, ok = done.is_ok(), "standby switched");
    let Err(error) = done else { return Outcome::Done };
    warn!(%error, "the standby could not be switched");
    // What may have been done stays spent: the next look sends the same start under the same token, and no second one.
    if !matches!(error, StandbyError::Unanswered(_)) {
        watch.not_done(action);
    }
    // Somebody else did it already: the next look tells.
    if error != StandbyError::IncorrectInstanceState {
        alerts.extend(watch.due_alerts(&[alert_for(&error)], policy, now));
    }
    let written = watch.clone();
    if remember(ports, watch, &Some(written)).await.is_err() {
        warn!("a failed switch could not be written down");
    }
    Outcome::Failed(error)
}

/// Writes the memory with the next revision. A memory that could not be read is not overwritten.
async fn remember(ports: &Ports<'_>, watch: &mut WatchRecord, stored: &Option<WatchRecord>) -> Result<(), Outcome> {
    let Some(stored) = stored else { return Err(Outcome::NotRemembered) };
    let expected = (stored.revision > 0).then_some(stored.revision);
    watch.revision = stored.revision + 1;
    match ports.store.write_watch(watch, expected).await {
        Ok(()) => Ok(()),
        Err(WatchError::Conflict { .. }) => {
            info!("an overlapping tick was first");
            Err(Outcome::Overtaken)
        }
        Err(WatchError::Store(error)) => {
            warn!(%error, ambiguous = matches!(error, StoreError::Timeout), "the memory could not be written");
            Err(Outcome::NotRemembered)
        }
    }
}

async fn act(ports: &Ports<'_>, action: Action, token: &str, machines: &[Machine]) -> Result<(), StandbyError> {
    match action {
        Action::Launch | Action::Start => ports.standby.start(token).await,
        Action::Stop | Action::Recycle => {
            for machine in machines.iter().filter(|machine| machine.state == InstanceState::Running) {
                ports.standby.stop(&machine.id).await?;
            }
            Ok(())
        }
        Action::Nothing | Action::Wait => Ok(()),
    }
}

const fn alert_for(error: &StandbyError) -> Alert {
    match error {
        StandbyError::InsufficientCapacity => Alert::NoCapacity,
        StandbyError::Unauthorized | StandbyError::LimitExceeded => Alert::NotAllowed,
        StandbyError::IncorrectInstanceState
        | StandbyError::Throttled
        | StandbyError::Unavailable(_)
        | StandbyError::Unanswered(_) => Alert::StandbyUnavailable,
    }
}
