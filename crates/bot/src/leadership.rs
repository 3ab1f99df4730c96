//! Drives the pure [`Holder`]: owns the loop, the clock and the board; carries out what the holder commands.
//!
//! Deliberately absent: any decision. Who may speak is decided in `relais-failover`; here time passes, requests are sent
//! and answers come back.

mod errands;
mod jumps;

use std::{sync::Arc, time::Duration};

use relais_failover::{
    Board, Command, Event, Fence, FenceReason, Holder, Node, Policy, Role, SavedSession, Site, Timestamp,
};
use relais_host::clock::{Clock, random_128};
use relais_store::Store;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::{errands::Errands, jumps::Jumps};
use crate::{permit::View, vitals::Vitals};

/// What the voice of this site does when told; implemented by the gateway, and by a recorder in tests.
pub trait Voice: Send {
    /// Speak under this fence: connect, resume `session` if there is one. `planned`: it was handed over in order.
    fn activate(&mut self, fence: Fence, session: Option<SavedSession>, planned: bool);
    /// Take nothing new, close the gateway resumably, finish what is in flight within that time, then send
    /// [`Signal::SessionMoved`] and [`Signal::Drained`].
    fn drain(&mut self, within: Duration);
    /// Fall silent at once: close the socket, abort sends.
    fn silence(&mut self, reason: FenceReason);
}

/// What the other tasks tell leadership.
#[derive(Debug)]
pub enum Signal {
    /// The Discord session moved.
    SessionMoved(SavedSession),
    /// The drain is complete.
    Drained,
    /// A task read the board, or tried to, sent at that moment.
    BoardSeen(Timestamp, Option<Box<Board>>),
    /// A write was fenced off: look at the lease now.
    Doubt,
    /// Somebody on this machine wants the lease to move; answered whether this site is the holder and begins.
    Handover {
        /// The site that shall have it.
        to: Site,
        /// Where the answer goes.
        begun: oneshot::Sender<bool>,
    },
}

/// How leadership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything was given up in order.
    Stopped,
    /// The site fell silent; the process must end at once.
    Fenced(FenceReason),
}

/// The settings of the loop.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Who this process is.
    pub node: Node,
    /// The numbers.
    pub policy: Policy,
    /// The mutant without a fence: never falls silent.
    pub reckless: bool,
    /// Whether steps of the clock are looked for; false only for the mutant whose clock cannot show them.
    pub sees_jumps: bool,
}

/// The loop.
pub struct Leadership<V> {
    terms: Terms,
    clock: Arc<dyn Clock>,
    holder: Holder,
    voice: V,
    errands: Errands,
    jumps: Jumps,
    vitals: Arc<Vitals>,
    view: watch::Sender<View>,
    signals: mpsc::UnboundedReceiver<Signal>,
    healthy: bool,
    missing: bool,
}

impl<V: Voice> Leadership<V> {
    /// A follower that has seen nothing. `view` is where rights are published, `signals` is what the other tasks tell.
    #[must_use]
    pub fn new(
        terms: Terms,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        voice: V,
        vitals: Arc<Vitals>,
        view: watch::Sender<View>,
        signals: mpsc::UnboundedReceiver<Signal>,
    ) -> Self {
        let holder = Holder::new(terms.node, &terms.policy, random_128(), clock.now());
        let errands = Errands::new(store, clock.clone(), &terms.policy);
        let jumps = Jumps::new(terms.policy.clock_jump, &*clock);
        Self { terms, clock, holder, voice, errands, jumps, vitals, view, signals, healthy: true, missing: false }
    }

    /// Runs until the lease is given up in order or lost.
    pub async fn run(mut self, shutdown: CancellationToken) -> Ending {
        let mut stopping = false;
        self.errands.read_history(self.terms.policy.clone());
        // The first look is due at once.
        if let Some(ending) = self.feed(Event::Wakeup) {
            return ending;
        }
        loop {
            let asked = self.nap();
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled(), if !stopping => {
                    if self.holder.role() == Role::Fenced {
                        // Only the mutant gets here: it lost the lease, speaks on, and has nothing to give up.
                        return Ending::Stopped;
                    }
                    stopping = true;
                    Some(Event::StopRequested)
                }
                Some(event) = self.errands.done() => Some(event),
                Some(signal) = self.signals.recv() => self.heed(signal),
                () = tokio::time::sleep(asked) => Some(Event::Wakeup),
            };
            if let Some(ending) = self.turn(asked, event) {
                return ending;
            }
        }
    }

    /// Until the holder wants to be woken, capped so that a suspend is noticed soon.
    fn nap(&self) -> Duration {
        let cap = self.terms.policy.renew_every / 4;
        let wanted = self.holder.next_wakeup().map_or(cap, |at| at.since(self.clock.now()));
        wanted.min(cap).max(Duration::from_millis(1))
    }

    fn turn(&mut self, asked: Duration, event: Option<Event>) -> Option<Ending> {
        let now = self.clock.now();
        let look = self.jumps.look(&*self.clock, asked);
        self.vitals.leadership_turned(now, look.late);
        if self.terms.sees_jumps && look.jumped {
            tracing::warn!(late_ms = look.late.as_millis() as u64, "clock jumped");
            metrics::counter!("clock_jumps_total").increment(1);
            if let Some(ending) = self.feed(Event::ClockJumped) {
                return Some(ending);
            }
        }
        let healthy = self.vitals.pulse(now, &self.terms.policy);
        if healthy != self.healthy {
            self.healthy = healthy;
            tracing::warn!(healthy, "pulse changed");
            if let Some(ending) = self.feed(Event::Pulse { healthy }) {
                return Some(ending);
            }
        }
        let ending = event.and_then(|event| self.feed(event));
        if ending.is_some() {
            return ending;
        }
        match self.holder.next_wakeup() {
            Some(at) if at <= self.clock.now() => self.feed(Event::Wakeup),
            Some(_) | None => None,
        }
    }

    /// Turns a signal into an event; none if there is nothing for the holder in it.
    fn heed(&mut self, signal: Signal) -> Option<Event> {
        match signal {
            Signal::SessionMoved(session) => Some(Event::SessionMoved(session)),
            Signal::Drained => {
                self.vitals.end(self.clock.now());
                Some(Event::Drained)
            }
            Signal::BoardSeen(sent, board) => Some(Event::BoardRead { sent, board: board.map(|board| *board) }),
            Signal::Doubt => {
                self.errands.read_board();
                None
            }
            Signal::Handover { to, begun } => {
                let begins = self.holder.role() == Role::Active && to != self.terms.node.site;
                // Whoever asked may be gone; the hand-over goes on.
                let _ = begun.send(begins);
                begins.then_some(Event::HandoverRequested { to })
            }
        }
    }

    fn feed(&mut self, event: Event) -> Option<Ending> {
        let now = self.clock.now();
        if let Event::BoardRead { board: Some(_), .. } | Event::WriteDone { .. } = &event {
            self.view.send_modify(|view| view.store_seen = Some(now));
        }
        if let Event::BoardRead { board: Some(board), .. } = &event {
            self.note_missing(board.lease.is_none());
        }
        let before = self.holder.role();
        let commands = self.holder.handle(event, now, self.clock.wall());
        let term = self.holder.fence().map(|fence| fence.term);
        // Published before anything is carried out: a right that is gone is gone for every task at once.
        self.publish(now);
        if before != self.holder.role() {
            let (from, to) = (before.as_str(), self.holder.role().as_str());
            tracing::info!(from, to, term = term.map(|term| term.0), "role changed");
        }
        let mut ending = None;
        for command in commands {
            ending = self.carry_out(command).or(ending);
        }
        ending
    }

    /// A missing lease item is an alarm (protocol, init): said once, shown while it lasts.
    fn note_missing(&mut self, missing: bool) {
        metrics::gauge!("lease_missing").set(if missing { 1.0 } else { 0.0 });
        if missing && !self.missing {
            tracing::error!("lease record missing, this site waits: initialise the store, or restore it");
        }
        self.missing = missing;
    }

    fn publish(&self, now: Timestamp) {
        let wall = self.clock.wall();
        self.view.send_modify(|view| {
            *view = View::of(&self.holder, &self.terms.policy, now, wall, view);
            metrics::gauge!("lease_held").set(if view.fence.is_some() { 1.0 } else { 0.0 });
            if let Some(fence) = view.fence {
                metrics::gauge!("lease_epoch").set(fence.term.0 as f64);
            }
        });
    }

    fn carry_out(&mut self, command: Command) -> Option<Ending> {
        match command {
            Command::ReadBoard => self.errands.read_board(),
            Command::WriteLease(op) => self.errands.write_lease(op),
            Command::PutHandback(record) => self.errands.put_handback(record),
            Command::ClearHandback(site) => self.errands.clear_handback(site),
            Command::Activate { fence, session, planned } => {
                tracing::info!(term = fence.term.0, planned, resumes = session.is_some(), "activated");
                self.vitals.begin(self.clock.now());
                self.voice.activate(fence, session, planned);
                self.errands.write_history(fence, planned);
                self.errands.read_history(self.terms.policy.clone());
            }
            Command::Drain { within } => {
                tracing::info!(within_ms = within.as_millis() as u64, "draining");
                self.voice.drain(within);
            }
            Command::Fence { reason } if self.terms.reckless => {
                tracing::warn!(%reason, "fence ignored by the mutant");
            }
            Command::Fence { reason } => {
                tracing::error!(%reason, "fenced");
                self.voice.silence(reason);
                self.errands.abort();
                return Some(Ending::Fenced(reason));
            }
            Command::Exit => return Some(Ending::Stopped),
        }
        None
    }
}
