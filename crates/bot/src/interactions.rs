//! Carries out what users ask: age, permit, one fenced and idempotent commit, permit again, one answer.
//!
//! Deliberately absent: an answer whose write was refused (another site speaks then), and a second try of an answer that
//! may have arrived.

mod answer;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use relais_failover::{Fence, Policy, WallClock};
use relais_host::clock::Clock;
use relais_store::{CommitError, Committed, FencedWrite, OperationId, Store, StoreError};
use serenity::{
    http::Http,
    model::{
        application::{CommandInteraction, Interaction},
        id::InteractionId,
    },
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::answer::Answered;
use crate::{
    commands::{Reply, Request, Standing, State, find},
    gateway::Progress,
    leadership::Signal,
    permit::Permit,
    vitals::Vitals,
};

/// What users hear while the store is out of reach.
pub const READ_ONLY: &str = "Temporarily read-only while the service moves; try again in a minute.";

/// Discord's epoch (2015-01-01), Unix milliseconds; the upper 42 bits of an id count from there (Discord documentation,
/// snowflakes).
const EPOCH: u64 = 1_420_070_400_000;

/// The age of an interaction, from its id. A clock that is behind Discord's gives zero.
#[must_use]
pub fn age_of(id: InteractionId, wall: WallClock) -> Duration {
    wall.since(WallClock((id.get() >> 22) + EPOCH))
}

/// What every handler needs.
#[derive(Clone)]
pub struct Tools {
    /// Discord's REST interface.
    pub http: Arc<Http>,
    /// Lease, state and history.
    pub store: Arc<dyn Store>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The numbers.
    pub policy: Policy,
    /// Whether acting is allowed.
    pub permit: Permit,
    /// Signs of life.
    pub vitals: Arc<Vitals>,
    /// To leadership.
    pub signals: mpsc::UnboundedSender<Signal>,
}

/// How an interaction ended, for metrics and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Older than the policy allows: nothing was done.
    Expired,
    /// The lease did not allow it: nothing was done.
    NotPermitted,
    /// A newer term speaks: nothing was written or said.
    Fenced,
    /// Written, but the right to speak went before the answer; the next holder gets it replayed.
    Unspoken,
    /// Answered, or not, after the commit.
    Answered(Answered),
    /// The store could not be asked; the user was told so.
    ReadOnly(Answered),
    /// The term ended in the middle.
    Aborted,
}

impl Outcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotPermitted => "not_permitted",
            Self::Fenced => "fenced",
            Self::Unspoken => "unspoken",
            Self::Answered(answered) => answered.label(),
            Self::ReadOnly(_) => "read_only",
            Self::Aborted => "aborted",
        }
    }
}

/// The handlers of one term.
#[derive(Clone)]
pub struct Desk {
    tools: Tools,
    fence: Fence,
    running: TaskTracker,
    /// Cancelled when the drain's time is over: what has not begun its answer stops.
    soft: CancellationToken,
    /// Cancelled when the site falls silent: everything stops.
    hard: CancellationToken,
}

impl Desk {
    /// Handlers that act under `fence` until `hard` is cancelled.
    #[must_use]
    pub fn new(tools: Tools, fence: Fence, hard: CancellationToken) -> Self {
        Self { tools, fence, running: TaskTracker::new(), soft: hard.child_token(), hard }
    }

    /// Handles an interaction in a task of its own. `sequence` stays open in `progress` until it is done with.
    pub fn take(&self, interaction: Interaction, sequence: u64, progress: &Progress) {
        let Interaction::Command(command) = interaction else {
            metrics::counter!("interactions_total", "command" => "none", "outcome" => "ignored").increment(1);
            return;
        };
        progress.begin(sequence);
        let (desk, progress) = (self.clone(), progress.clone());
        self.running.spawn(async move {
            let outcome = desk.hard.run_until_cancelled(desk.serve(&command)).await.unwrap_or(Outcome::Aborted);
            desk.count(&command, outcome);
            if matches!(outcome, Outcome::NotPermitted | Outcome::Fenced | Outcome::Unspoken | Outcome::Aborted) {
                // Stays open while it can be answered, so that whoever resumes from the saved sequence hears it again.
                let useful = desk.tools.policy.interaction_max_age;
                tokio::spawn(async move {
                    tokio::time::sleep(useful).await;
                    progress.finish(sequence);
                });
            } else {
                progress.finish(sequence);
            }
        });
    }

    /// Waits for what is in flight: at most `within` for what has not begun its answer, and for a begun answer as long as
    /// an effect may take.
    pub async fn drain(&self, within: Duration) {
        self.running.close();
        if timeout(within, self.running.wait()).await.is_ok() {
            return;
        }
        self.soft.cancel();
        if timeout(self.tools.policy.effect_timeout, self.running.wait()).await.is_err() {
            tracing::warn!("answers aborted at the end of the drain");
            self.hard.cancel();
        }
    }

    /// Runs in the tracker, stopped with the rest of the term.
    pub fn accompany(&self, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        self.running.spawn(async move {
            hard.run_until_cancelled(task).await;
        });
    }

    /// Handles one command from age check to answer.
    pub async fn serve(&self, command: &CommandInteraction) -> Outcome {
        let tools = &self.tools;
        let age = age_of(command.id, tools.clock.wall());
        let Some(left) = tools.policy.interaction_max_age.checked_sub(age) else { return Outcome::Expired };
        if !tools.permit.may_begin() {
            return Outcome::NotPermitted;
        }
        let request = Request::of(command);
        let work = timeout(left.min(tools.policy.request_timeout), self.work(&request));
        let worked = match self.soft.run_until_cancelled(work).await {
            None => return Outcome::Aborted,
            Some(Ok(worked)) => worked,
            Some(Err(_)) => Err(CommitError::Store(StoreError::Timeout)),
        };
        let (reply, store_answered) = match worked {
            Ok((reply, Committed::Applied)) => (reply, true),
            Ok((reply, Committed::Repeated)) => {
                metrics::counter!("interactions_repeated_total").increment(1);
                (reply, true)
            }
            Err(error) if tools.permit.reckless() => {
                tracing::warn!(%error, "refusal ignored by the mutant");
                (self.unwritten(&request), true)
            }
            Err(CommitError::Fenced { .. }) => {
                tracing::warn!("write fenced off");
                // Leadership may have ended already; then it knows.
                let _ = tools.signals.send(Signal::Doubt);
                return Outcome::Fenced;
            }
            Err(CommitError::Store(error)) => {
                tracing::warn!(%error, "store did not take the operation");
                (Reply::private(READ_ONLY), false)
            }
        };
        if self.soft.is_cancelled() || !tools.permit.may_finish(self.fence) {
            return Outcome::Unspoken;
        }
        let answered = answer::send(tools, self.fence, command, &reply).await;
        if store_answered { Outcome::Answered(answered) } else { Outcome::ReadOnly(answered) }
    }

    /// Reads what the reply needs, makes it, and commits what it writes: also an empty commit, which proves the term and
    /// makes a replay recognisable.
    async fn work(&self, request: &Request) -> Result<(Reply, Committed), CommitError> {
        let Some(command) = find(&request.command) else {
            return Ok((Reply::private("This bot does not know that command."), Committed::Applied));
        };
        let mut state = State { items: BTreeMap::new(), standing: Some(self.standing()) };
        for key in (command.keys)(request) {
            if let Some(item) = self.tools.store.read(&key).await? {
                state.items.insert(key, item);
            }
        }
        let (reply, writes) = (command.reply)(request, &state);
        let operation = OperationId::new(format!("interaction-{}", request.interaction));
        let committed = self.tools.store.commit(&FencedWrite { fence: self.fence, operation, writes }).await?;
        Ok((reply, committed))
    }

    /// What the mutant without a fence says although nothing was written.
    fn unwritten(&self, request: &Request) -> Reply {
        let state = State { items: BTreeMap::new(), standing: Some(self.standing()) };
        find(&request.command).map_or_else(|| Reply::private(READ_ONLY), |command| (command.reply)(request, &state).0)
    }

    fn standing(&self) -> Standing {
        Standing {
            site: self.fence.site,
            term: self.fence.term,
            since: self.tools.permit.view().since,
            latency: self.tools.vitals.latency(),
        }
    }

    fn count(&self, command: &CommandInteraction, outcome: Outcome) {
        let age = age_of(command.id, self.tools.clock.wall());
        let name = find(&command.data.name).map_or("unknown", |command| command.name);
        metrics::counter!("interactions_total", "command" => name, "outcome" => outcome.label()).increment(1);
        match outcome {
            Outcome::Expired => metrics::counter!("interactions_expired_total").increment(1),
            Outcome::Answered(Answered::Already) | Outcome::ReadOnly(Answered::Already) => {
                metrics::counter!("interactions_duplicate_total").increment(1);
            }
            Outcome::Answered(_) | Outcome::ReadOnly(_) => {
                metrics::histogram!("interaction_age_at_answer_seconds").record(age.as_secs_f64());
            }
            Outcome::NotPermitted | Outcome::Fenced | Outcome::Unspoken | Outcome::Aborted => {}
        }
        let (age_ms, outcome) = (age.as_millis() as u64, outcome.label());
        tracing::debug!(id = command.id.get(), command = name, outcome, age_ms, "interaction done");
    }
}
