//! The site's side of the protocol: who may speak, decided from events alone (protocol, holder).
//!
//! The shell feeds what happened and carries out what comes back. Time is an argument; [`Holder::next_wakeup`] says when
//! to feed [`Event::Wakeup`]. One lease write is in flight at most, and an unanswered one is sent again *unchanged*, so
//! that its version tells whether it was mine.

mod following;
mod holding;
mod words;

use core::time::Duration;

use crate::ids::{Incarnation, Site, Version, Versions};
use crate::lease::{Claim, Fence, LeaseOp, LeaseRecord, SavedSession};
use crate::policy::Policy;
use crate::records::{Board, ControlMode, ControlRecord};
use crate::timestamp::{Timestamp, WallClock};

pub use words::{Command, Event, FenceReason, Node, Role, WriteOutcome};

/// A lease held: by an acknowledged write only (S4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    fence: Fence,
    version: Version,
    /// Send time of the last write that succeeded: the age of the lease counts from here.
    renewed_at: Timestamp,
}

/// A write without an answer yet, or with none to come.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    op: LeaseOp,
    first_sent: Timestamp,
    in_flight: bool,
}

/// What a drain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Offer(Site),
    Release,
}

/// The lease as last read, and since when its version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    record: LeaseRecord,
    since: Timestamp,
}

/// The peer's request as seen by the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PeerRequest {
    incarnation: Incarnation,
    version: Version,
    changed_at: Timestamp,
    alive: bool,
}

/// The state machine of one site.
#[derive(Debug, Clone)]
pub struct Holder {
    node: Node,
    policy: Policy,
    versions: Versions,
    role: Role,
    wall: WallClock,
    stable_since: Timestamp,
    seen: Option<Seen>,
    control: Option<ControlRecord>,
    held: Option<Held>,
    pending: Option<Pending>,
    reading_since: Option<Timestamp>,
    next_read: Timestamp,
    next_write: Timestamp,
    healthy: bool,
    session: Option<SavedSession>,
    goal: Option<Goal>,
    drained: bool,
    peer: Option<PeerRequest>,
    asked_at: Option<Timestamp>,
    flips: u32,
    stopping: bool,
    /// The last clock jump: an acknowledgement of anything sent before it proves nothing about now.
    jumped_at: Timestamp,
}

impl Holder {
    /// A follower that has seen nothing yet. `seed` is 128 random bits for the versions it will write.
    #[must_use]
    pub fn new(node: Node, policy: &Policy, seed: u128, now: Timestamp) -> Self {
        Self {
            node,
            policy: policy.clone(),
            versions: Versions::new(seed),
            role: Role::Follower,
            wall: WallClock(0),
            stable_since: now,
            seen: None,
            control: None,
            held: None,
            pending: None,
            reading_since: None,
            next_read: now,
            next_write: now,
            healthy: true,
            session: None,
            goal: None,
            drained: false,
            peer: None,
            asked_at: None,
            flips: 0,
            stopping: false,
            jumped_at: Timestamp::ORIGIN,
        }
    }

    /// Takes an event in and says what to do. `now` is this machine's own clock, `wall` its wall clock (for hints and
    /// for the end of an operator's wish).
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Timestamp, wall: WallClock) -> Vec<Command> {
        self.wall = wall;
        let mut commands = Vec::new();
        if self.role == Role::Fenced {
            return commands;
        }
        if self.held.is_some_and(|held| now.since(held.renewed_at) >= self.policy.self_fence) {
            return self.fence_now(FenceReason::RenewalTooOld);
        }
        match event {
            Event::Wakeup => {}
            Event::BoardRead { sent, board } => self.board_read(sent, board, now, &mut commands),
            Event::WriteDone { op, sent, outcome } => self.write_done(&op, sent, outcome, now, &mut commands),
            Event::Pulse { healthy } => {
                if !healthy {
                    self.stable_since = now;
                }
                self.healthy = healthy;
            }
            Event::SessionMoved(session) => self.session = Some(session),
            Event::Drained => self.drained = self.role == Role::Draining,
            Event::HandoverRequested { to } => {
                if to != self.node.site {
                    self.start_drain(Goal::Offer(to), &mut commands);
                }
            }
            Event::StopRequested => {
                self.stopping = true;
                self.goal = self.goal.map(|_| Goal::Release);
                self.start_drain(Goal::Release, &mut commands);
            }
            Event::ClockJumped => {
                self.stable_since = now;
                self.next_read = now;
                self.next_write = now;
                self.jumped_at = now;
            }
            Event::Flips(flips) => self.flips = flips,
        }
        if self.role != Role::Fenced {
            self.proceed(now, &mut commands);
        }
        commands
    }

    /// When to feed [`Event::Wakeup`] next, on this machine's own clock; none once fenced, and while only the answer to
    /// the last write before the end is waited for.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let read = match self.reading_since {
            None => self.next_read,
            // A read that is never answered must not stop the next one.
            Some(sent) => sent + self.policy.request_timeout * 2,
        };
        match self.role {
            Role::Fenced => None,
            Role::Follower | Role::Acquiring if self.stopping => None,
            Role::Follower | Role::Acquiring => Some(match self.stale_at() {
                // An unhealthy follower takes nothing, so it is not woken for it.
                Some(at) if self.pending.is_none() && self.healthy => read.min(at.max(self.next_write)),
                Some(_) | None if self.pending.as_ref().is_some_and(|pending| !pending.in_flight) => {
                    read.min(self.next_write)
                }
                Some(_) | None => read,
            }),
            Role::Active | Role::Draining => {
                let fence = self.held.map_or(read, |held| held.renewed_at + self.policy.self_fence);
                // A draining holder reads no more.
                let read = if self.role == Role::Active { read } else { fence };
                let write = match &self.pending {
                    Some(pending) if pending.in_flight => fence,
                    Some(_) | None if !self.may_renew() => fence,
                    Some(_) | None => self.next_write,
                };
                Some(read.min(fence).min(write))
            }
        }
    }

    /// Where this site stands.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The right to change state, while active or draining.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        self.held.map(|held| held.fence)
    }

    /// Age of the lease: since the sending of the last write that succeeded.
    #[must_use]
    pub fn lease_age(&self, now: Timestamp) -> Option<Duration> {
        self.held.map(|held| now.since(held.renewed_at))
    }

    /// How long until this site falls silent by itself; zero if it may not speak.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        match self.held {
            Some(held) if held.renewed_at >= self.jumped_at && matches!(self.role, Role::Active | Role::Draining) => {
                self.policy.self_fence.saturating_sub(now.since(held.renewed_at))
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Whether an external effect may begin now: it must be able to end before the fence.
    #[must_use]
    pub fn may_act(&self, now: Timestamp) -> bool {
        self.role == Role::Active && self.remaining(now) > self.policy.effect_timeout
    }

    /// The lease as this site last read or wrote it.
    #[must_use]
    pub fn last_seen(&self) -> Option<&LeaseRecord> {
        self.seen.as_ref().map(|seen| &seen.record)
    }

    fn claim(&self) -> Claim {
        Claim { site: self.node.site, incarnation: self.node.incarnation }
    }

    fn control_mode(&self) -> ControlMode {
        ControlRecord::mode_at(self.control.as_ref(), self.wall)
    }

    /// When the lease as I have seen it may be taken for stale.
    fn stale_at(&self) -> Option<Timestamp> {
        self.seen.as_ref().map(|seen| seen.since + self.policy.ttl)
    }

    fn fence_now(&mut self, reason: FenceReason) -> Vec<Command> {
        self.role = Role::Fenced;
        self.held = None;
        self.pending = None;
        vec![Command::Fence { reason }]
    }

    fn board_read(&mut self, sent: Timestamp, board: Option<Board>, now: Timestamp, commands: &mut Vec<Command>) {
        self.reading_since = None;
        let Some(board) = board else {
            // Not stable without the store.
            self.stable_since = now;
            self.next_read = now + self.policy.renew_every / 5;
            return;
        };
        self.next_read = if self.asked_at.is_some() { now + self.policy.offer_poll_every } else { self.read_pace(now) };
        self.control = board.control;
        self.note_peer(board.handback.as_ref(), now);
        match board.lease {
            Some(record) => self.note_lease(record, sent, now, commands),
            // A missing item is an alarm, never a reset (protocol, init); only a follower can wait for it.
            None if self.held.is_some() => commands.extend(self.fence_now(FenceReason::LeaseMissing)),
            None => self.seen = None,
        }
    }

    fn read_pace(&self, now: Timestamp) -> Timestamp {
        now + self.policy.renew_every
    }

    fn note_lease(&mut self, record: LeaseRecord, sent: Timestamp, now: Timestamp, commands: &mut Vec<Command>) {
        if let Some(held) = self.held {
            // Only a read that began after my last write was acknowledged can speak against me.
            if sent >= held.renewed_at && record.term > held.fence.term {
                commands.extend(self.fence_now(FenceReason::Superseded));
            }
            return;
        }
        if let Some(pending) = &self.pending
            && pending.op.is_mine(&record)
        {
            let (op, first_sent) = (pending.op.clone(), pending.first_sent);
            self.written(&op, first_sent, &record, now, commands);
            return;
        }
        match &mut self.seen {
            Some(seen) if seen.record.version == record.version => {}
            seen => *seen = Some(Seen { record, since: now }),
        }
    }

    fn write_done(
        &mut self,
        op: &LeaseOp,
        sent: Timestamp,
        outcome: WriteOutcome,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.op.version() == op.version()) else {
            // An answer that comes twice or too late: what it told is known or void.
            return;
        };
        let first_sent = pending.first_sent.min(sent);
        match outcome {
            WriteOutcome::Written(record) => self.written(op, first_sent, &record, now, commands),
            WriteOutcome::Refused(Some(record)) if op.is_mine(&record) => {
                self.written(op, first_sent, &record, now, commands);
            }
            WriteOutcome::Refused(current) => self.refused(current, now, commands),
            WriteOutcome::Unknown => {
                pending.in_flight = false;
                self.next_write = now + self.policy.renew_every / 5;
            }
        }
    }

    fn send(&mut self, op: LeaseOp, now: Timestamp, commands: &mut Vec<Command>) {
        commands.push(Command::WriteLease(op.clone()));
        match &mut self.pending {
            Some(pending) if pending.op.version() == op.version() => pending.in_flight = true,
            pending => *pending = Some(Pending { op, first_sent: now, in_flight: true }),
        }
    }

    fn read(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        let due = match self.reading_since {
            None => now >= self.next_read,
            Some(sent) => now.since(sent) >= self.policy.request_timeout * 2,
        };
        if due {
            self.reading_since = Some(now);
            commands.push(Command::ReadBoard);
        }
    }

    fn proceed(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        match self.role {
            Role::Follower | Role::Acquiring => self.follow(now, commands),
            Role::Active | Role::Draining => self.hold(now, commands),
            Role::Fenced => {}
        }
    }
}
