//! The loop: owns the locks, feeds the [`Agent`], carries out what it commands.
//!
//! Deliberately absent: any decision. Each request has its own time and none is waited for: the agent's deadline drops the
//! locks whatever is still under way.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use relais_failover::ControlRecord;
use relais_host::clock::Clock;
use relais_store::{Store, StoreError};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::{Agent, Command, Event, Phase, Terms, Told, Written},
    bot::Bot,
    logind::{Locks, Logind, LogindError, Signal},
    status::{self, Status},
};

/// What the agent speaks to.
#[derive(Clone)]
pub struct Ports {
    /// Who lets the machine sleep.
    pub logind: Arc<dyn Logind>,
    /// This site's bot.
    pub bot: Arc<dyn Bot>,
    /// The record of both sites.
    pub store: Arc<dyn Store>,
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
}

/// What a request brought.
enum Done {
    Event(Event),
    Locks(Result<Locks, LogindError>, Option<Duration>),
}

struct Shell {
    ports: Ports,
    /// Of one request.
    within: Duration,
    /// What the policy wants logind to wait.
    wanted: Duration,
    agent: Agent,
    locks: Option<Locks>,
    running: JoinSet<Done>,
    status: Status,
}

/// Runs until `stop`, or until `signals` end. Locks that are held then are dropped.
///
/// # Errors
/// logind is not there, or refuses the first locks for another reason than that the machine is on its way; the bus is gone.
pub async fn run(
    ports: Ports,
    terms: Terms,
    mut signals: impl Stream<Item = Signal> + Unpin,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (within, wanted) = (terms.policy.request_timeout, terms.policy.inhibit);
    let preparing = ports.logind.preparing().await.context("start")?;
    let status = Status::start()?;
    let agent = Agent::new(terms, preparing, ports.clock.now());
    let mut shell = Shell { ports, within, wanted, agent, locks: None, running: JoinSet::new(), status };
    shell.take_first_locks().await?;
    shell.status.ready();
    let mut alive = interval(status::alive_every());
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let nap = shell.nap();
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => {
                shell.status.stopping();
                return Ok(());
            }
            signal = signals.next() => match signal {
                Some(Signal::Announced(cause)) => {
                    tracing::info!(cause = cause.as_str(), "machine wants to go");
                    Event::Announced(cause)
                }
                Some(Signal::Back(cause)) => {
                    tracing::info!(cause = cause.as_str(), "machine is back");
                    Event::Back
                }
                Some(Signal::Restarted) => {
                    tracing::warn!("logind was restarted");
                    shell.ask_what_it_prepares();
                    Event::Wakeup
                }
                None => anyhow::bail!("the system bus is gone"),
            },
            Some(done) = shell.running.join_next() => match done {
                Ok(Done::Event(event)) => event,
                Ok(Done::Locks(taken, limit)) => shell.locked(taken, limit),
                Err(error) => {
                    // Its answer will never come, so the next one must not wait for it.
                    return Err(error).context("carry out a request");
                }
            },
            _ = alive.tick() => {
                shell.status.alive();
                Event::Wakeup
            }
            () = tokio::time::sleep(nap.unwrap_or_default()), if nap.is_some() => Event::Wakeup,
        };
        shell.feed(event);
    }
}

impl Shell {
    /// A service that says it is ready and holds nothing up would be worse than one that does not start.
    async fn take_first_locks(&mut self) -> anyhow::Result<()> {
        let limit = self.ports.logind.patience().await.context("start")?;
        let event = match self.ports.logind.inhibit().await {
            Err(error @ (LogindError::Refused(..) | LogindError::Timeout(_))) => return Err(error).context("start"),
            taken @ (Ok(_) | Err(LogindError::TooLate)) => self.locked(taken, Some(limit)),
        };
        self.feed(event);
        Ok(())
    }

    fn nap(&self) -> Option<Duration> {
        let at = self.agent.next_wakeup()?;
        Some(at.since(self.ports.clock.now()).max(Duration::from_millis(1)))
    }

    fn feed(&mut self, event: Event) {
        let before = self.agent.phase();
        let commands = self.agent.handle(event, self.ports.clock.now(), self.ports.clock.wall());
        let phase = self.agent.phase();
        if phase != before {
            tracing::info!(from = before.as_str(), to = phase.as_str(), "phase changed");
        }
        for command in commands {
            self.carry_out(command);
        }
        let shown = (self.agent.is_locked() || phase != Phase::Idle).then_some(phase);
        self.status.phase(shown);
    }

    fn locked(&mut self, taken: Result<Locks, LogindError>, limit: Option<Duration>) -> Event {
        if let Some(limit) = limit.filter(|limit| *limit < self.wanted) {
            let (has, wanted) = (limit.as_millis() as u64, self.wanted.as_millis() as u64);
            tracing::warn!(
                has_ms = has,
                wanted_ms = wanted,
                "logind waits too briefly for the cloud to come: raise InhibitDelayMaxSec in logind.conf"
            );
        }
        let held = taken.is_ok();
        match taken {
            // Older ones are let go only now that the new ones are held.
            Ok(locks) => {
                self.locks = Some(locks);
                tracing::info!("sleep and shutdown wait for a hand-over");
            }
            Err(LogindError::TooLate) => tracing::warn!("too late for a lock: the machine is on its way"),
            Err(error) => tracing::error!(error = %chain(&error), "sleep and shutdown do not wait for a hand-over"),
        }
        Event::Locked { held: held || self.locks.is_some(), limit }
    }

    fn carry_out(&mut self, command: Command) {
        let (ports, within) = (self.ports.clone(), self.within);
        match command {
            Command::TakeLocks => {
                self.running.spawn(async move {
                    let limit = ports.logind.patience().await.ok();
                    Done::Locks(ports.logind.inhibit().await, limit)
                });
            }
            Command::DropLocks => self.locks = None,
            Command::ReadBoard => {
                let sent = ports.clock.now();
                self.ask(async move {
                    let read = timeout(within, ports.store.read_board()).await.unwrap_or(Err(StoreError::Timeout));
                    let board = read.inspect_err(|error| tracing::warn!(%error, "board not readable")).ok();
                    Event::BoardRead { sent, board: board.map(Box::new) }
                });
            }
            Command::AskBot => {
                self.ask(async move { Event::BotSaid(timeout(within, ports.bot.holds()).await.unwrap_or_default()) })
            }
            Command::GiveAway => self
                .ask(async move { Event::Told(timeout(within, ports.bot.give_away()).await.unwrap_or(Told::Failed)) }),
            Command::PutControl { record, expected } => {
                tracing::info!(mode = record.mode.as_str(), reason = record.reason, "override is written");
                self.ask(async move { Event::ControlWritten(write(&ports, within, &record, expected.as_ref()).await) });
            }
            Command::Ended { cause, outcome, took } => {
                let (cause, took_ms) = (cause.as_str(), took.as_millis() as u64);
                if outcome.leaves_it_behind() {
                    tracing::warn!(cause, outcome = outcome.as_str(), took_ms, "hand-over ended, the lease goes stale");
                } else {
                    tracing::info!(cause, outcome = outcome.as_str(), took_ms, "hand-over ended");
                }
            }
            Command::ClockStepped { by_ms } => {
                tracing::warn!(by_ms, "wall clock was stepped while the machine was away");
            }
            Command::TakenBack => tracing::info!("override of ours is taken back"),
        }
    }

    fn ask_what_it_prepares(&mut self) {
        let logind = Arc::clone(&self.ports.logind);
        self.ask(async move {
            let preparing = logind.preparing().await;
            let preparing =
                preparing.inspect_err(|error| tracing::warn!(error = %chain(error), "logind does not answer"));
            Event::Restarted { preparing: preparing.unwrap_or_default() }
        });
    }

    fn ask(&mut self, request: impl Future<Output = Event> + Send + 'static) {
        self.running.spawn(async move { Done::Event(request.await) });
    }
}

async fn write(ports: &Ports, within: Duration, record: &ControlRecord, expected: Option<&ControlRecord>) -> Written {
    match timeout(within, ports.store.replace_control(record, expected)).await {
        Ok(Ok(true)) => Written::Yes,
        Ok(Ok(false)) => {
            tracing::info!("override of somebody else stands");
            Written::Refused
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "override not written");
            Written::Unknown
        }
        Err(_) => {
            tracing::warn!("override not written in time");
            Written::Unknown
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &LogindError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
