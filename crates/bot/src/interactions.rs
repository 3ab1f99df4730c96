//! Carries out what users ask: age, permit, one fenced and idempotent commit, permit again, one answer.
//!
//! Deliberately absent: an answer whose write was refused (another site speaks then), and a second try of an answer that
//! may have arrived.

mod answer;
mod form;
mod lanes;

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use relais_failover::{ControlRecord, EventRecord, Fence, Policy, WallClock};
use relais_host::clock::Clock;
use relais_store::{CommitError, Committed, FencedWrite, OperationId, StateItem, Store, StoreError, Write};
use serenity::{
    http::Http,
    model::{application::Interaction, id::InteractionId},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{answer::Answered, form::response, lanes::Lanes};
use crate::{
    commands::{Ask, Changes, Read, Reply, Request, Standing, State, find, handle, reads},
    gateway::Progress,
    language::say,
    leadership::Signal,
    permit::Permit,
    vitals::Vitals,
};

/// How often what a command reads may lead to more that it reads.
const READ_ROUNDS: usize = 3;

/// Discord's epoch (2015-01-01), Unix milliseconds; the upper 42 bits of an id count from there (Discord documentation,
/// snowflakes).
const EPOCH: u64 = 1_420_070_400_000;

/// The age of an interaction, from its id. A clock that is behind Discord's gives zero.
#[must_use]
pub fn age_of(id: InteractionId, wall: WallClock) -> Duration {
    wall.since(WallClock((id.get() >> 22) + EPOCH))
}

/// A wall clock's reading as a moment of the calendar. One that no calendar has is its beginning.
#[must_use]
pub fn moment(wall: WallClock) -> jiff::Timestamp {
    i64::try_from(wall.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()).unwrap_or_default()
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
    /// Who may use the commands for operators.
    pub operators: Arc<BTreeSet<u64>>,
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

/// An interaction, and where its answer goes.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its id.
    pub id: InteractionId,
    /// What answers are sent with: a secret for 15 minutes.
    pub token: String,
    /// What is asked.
    pub request: Request,
}

impl Asked {
    /// From what serenity decoded; none for what Relais does not serve.
    #[must_use]
    pub fn of(interaction: &Interaction, wall: WallClock) -> Option<Self> {
        let request = Request::of(interaction, moment(wall))?;
        Some(Self { id: interaction.id(), token: interaction.token().to_owned(), request })
    }
}

/// The mode of an override that is written, for log and metrics.
fn control_of(write: &Write) -> Option<&'static str> {
    match write {
        Write::Control(record) => Some(record.mode.as_str()),
        Write::Put { .. } | Write::Delete { .. } | Write::AppendEvent(_) => None,
    }
}

/// What users read while the store is out of reach.
fn without_store(request: &Request) -> Reply {
    match request.ask {
        Ask::Typing { .. } => Reply::Suggest(Vec::new()),
        Ask::Command(_) | Ask::Press { .. } | Ask::Form { .. } => {
            Reply::private(say(request.language, "read-only", &[]))
        }
    }
}

/// Reads what the request's command asks for, and what that leads to.
///
/// # Errors
/// Any [`StoreError`] that a read can meet.
pub async fn read(store: &dyn Store, request: &Request, mut state: State) -> Result<State, StoreError> {
    for _ in 0..READ_ROUNDS {
        let wanted: Vec<Read> = reads(request, &state).into_iter().filter(|read| !state.done.contains(read)).collect();
        if wanted.is_empty() {
            break;
        }
        // All at once: in the cloud each of them is a way there and back.
        let found = try_join_all(wanted.iter().map(|read| look_up(store, read))).await?;
        for found in found {
            match found {
                Found::Items(items) => state.items.extend(items.into_iter().map(|item| (item.key.clone(), item))),
                Found::History(events) => state.history = events,
                Found::Control(record) => state.control = record,
            }
        }
        state.done.extend(wanted);
    }
    Ok(state)
}

/// What a [`Read`] found.
enum Found {
    Items(Vec<StateItem>),
    History(Vec<EventRecord>),
    Control(Option<ControlRecord>),
}

async fn look_up(store: &dyn Store, read: &Read) -> Result<Found, StoreError> {
    Ok(match read {
        Read::Item(key) => Found::Items(store.read(key).await?.into_iter().collect()),
        Read::Under(prefix, most) => Found::Items(store.list(prefix, *most).await?),
        Read::History(most) => Found::History(store.recent(*most).await?),
        Read::Control => Found::Control(store.read_board().await?.control),
    })
}

/// The handlers of one term.
#[derive(Clone)]
pub struct Desk {
    tools: Tools,
    fence: Fence,
    running: TaskTracker,
    lanes: Arc<Lanes>,
    /// Cancelled when the drain begins: nothing new is taken up.
    closing: CancellationToken,
    /// Cancelled when the drain's time is over: what has not begun its answer stops.
    soft: CancellationToken,
    /// Cancelled when the site falls silent: everything stops.
    hard: CancellationToken,
}

impl Desk {
    /// Handlers that act under `fence` until `hard` is cancelled.
    #[must_use]
    pub fn new(tools: Tools, fence: Fence, hard: CancellationToken) -> Self {
        let (running, lanes) = (TaskTracker::new(), Arc::new(Lanes::default()));
        let closing = hard.child_token();
        Self { tools, fence, running, lanes, closing, soft: hard.child_token(), hard }
    }

    /// Where each user's changes wait for each other.
    #[must_use]
    pub fn lanes(&self) -> Arc<Lanes> {
        Arc::clone(&self.lanes)
    }

    /// Cancelled when the drain begins.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Handles an interaction in a task of its own. `sequence` stays open in `progress` until it is done with.
    pub fn take(&self, interaction: Interaction, sequence: u64, progress: &Progress) {
        let Some(asked) = Asked::of(&interaction, self.tools.clock.wall()) else {
            metrics::counter!("interactions_total", "command" => "none", "outcome" => "ignored").increment(1);
            return;
        };
        progress.begin(sequence);
        let (desk, progress) = (self.clone(), progress.clone());
        self.running.spawn(async move {
            let outcome = desk.hard.run_until_cancelled(desk.serve(&asked)).await.unwrap_or(Outcome::Aborted);
            desk.count(&asked, outcome);
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
        self.closing.cancel();
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

    /// Handles one interaction from age check to answer.
    pub async fn serve(&self, asked: &Asked) -> Outcome {
        let tools = &self.tools;
        let age = age_of(asked.id, tools.clock.wall());
        let Some(left) = tools.policy.interaction_max_age.checked_sub(age) else { return Outcome::Expired };
        if !tools.permit.may_begin() {
            return Outcome::NotPermitted;
        }
        let request = &asked.request;
        let work = timeout(left.min(tools.policy.request_timeout), self.work(request));
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
                (handle(request, &self.fresh(request)).0, true)
            }
            Err(CommitError::Fenced { .. }) => {
                tracing::warn!("write fenced off");
                // Leadership may have ended already; then it knows.
                let _ = tools.signals.send(Signal::Doubt);
                return Outcome::Fenced;
            }
            Err(CommitError::Store(error)) => {
                tracing::warn!(%error, "store did not take the operation");
                (without_store(request), false)
            }
        };
        if self.soft.is_cancelled() || !tools.permit.may_finish(self.fence) {
            return Outcome::Unspoken;
        }
        let answered = answer::send(tools, self.fence, asked, &reply).await;
        if store_answered { Outcome::Answered(answered) } else { Outcome::ReadOnly(answered) }
    }

    /// Reads what the reply needs, makes it, and commits what it writes: also an empty commit, which proves the term and
    /// makes a replay recognisable. One user's interactions, and those that change what a server shares, wait for each
    /// other: what was read still holds when it is written.
    async fn work(&self, request: &Request) -> Result<(Reply, Committed), CommitError> {
        if matches!(request.ask, Ask::Typing { .. }) {
            // Suggestions change nothing, so there is nothing to prove.
            let state = self.read(request).await?;
            return Ok((handle(request, &state).0, Committed::Applied));
        }
        let _alone = self.lanes.enter(request.user).await;
        let _alone_there = match (find(request.command()).map(|command| command.changes), request.guild) {
            (Some(Changes::Server), Some(guild)) => Some(self.lanes.enter_place(guild).await),
            (Some(Changes::Control), _) => Some(self.lanes.enter_control().await),
            (Some(Changes::Server), None) | (Some(Changes::Own) | None, _) => None,
        };
        let state = self.read(request).await?;
        let (reply, writes) = handle(request, &state);
        let operation = OperationId::new(format!("interaction-{}", request.interaction));
        let control = writes.iter().find_map(control_of);
        let committed = self.tools.store.commit(&FencedWrite { fence: self.fence, operation, writes }).await?;
        if let Some(mode) = control.filter(|_| committed == Committed::Applied) {
            tracing::info!(mode, "override set by an operator");
            metrics::counter!("operator_overrides_total", "mode" => mode).increment(1);
        }
        Ok((reply, committed))
    }

    async fn read(&self, request: &Request) -> Result<State, StoreError> {
        read(&*self.tools.store, request, self.fresh(request)).await
    }

    fn fresh(&self, request: &Request) -> State {
        let operator = self.tools.operators.contains(&request.user);
        State { standing: Some(self.standing()), operator, ..State::default() }
    }

    fn standing(&self) -> Standing {
        Standing {
            site: self.fence.site,
            term: self.fence.term,
            since: self.tools.permit.view().since,
            latency: self.tools.vitals.latency(),
        }
    }

    fn count(&self, asked: &Asked, outcome: Outcome) {
        let age = age_of(asked.id, self.tools.clock.wall());
        let name = find(asked.request.command()).map_or("unknown", |command| command.name);
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
        tracing::debug!(id = asked.id.get(), command = name, outcome, age_ms, "interaction done");
    }
}
