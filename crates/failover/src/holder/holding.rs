//! The part of [`Holder`] that renews, hears the peer's request and gives up in order.

use super::{Command, Goal, Holder, PeerRequest, Role};
use crate::lease::LeaseOp;
use crate::records::HandbackRecord;
use crate::timestamp::{Timestamp, millis};

impl Holder {
    pub(super) fn hold(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        if self.role == Role::Active {
            self.read(now, commands);
            if self.peer_is_due(now) {
                self.start_drain(Goal::Offer(self.node.site.other()), commands);
            }
        }
        if self.pending.as_ref().is_some_and(|pending| pending.in_flight) || now < self.next_write_allowed() {
            return;
        }
        if !self.may_retry(now) && (self.pending.is_some() || self.role == Role::Active) {
            // Nothing is left but the fence: no reason to be woken before it.
            self.next_write = self.held.map_or(now, |held| held.renewed_at + self.policy.self_fence);
            return;
        }
        if let Some(pending) = &self.pending {
            let op = pending.op.clone();
            self.send(op, now, commands);
            return;
        }
        match self.role {
            Role::Active if self.may_renew() => {
                if let Some(op) = self.renewal() {
                    self.send(op, now, commands);
                }
            }
            Role::Draining if self.drained => {
                if let Some(op) = self.farewell() {
                    self.send(op, now, commands);
                }
            }
            Role::Active | Role::Draining | Role::Follower | Role::Acquiring | Role::Fenced => {}
        }
    }

    /// A drained holder gives up at once; everything else keeps its pace.
    fn next_write_allowed(&self) -> Timestamp {
        if self.role == Role::Draining && self.drained && self.pending.is_none() {
            Timestamp::ORIGIN
        } else {
            self.next_write
        }
    }

    /// A wedged bot loses its lease: it is not renewed for it. While draining, the offer is the next write.
    pub(super) fn may_renew(&self) -> bool {
        match self.role {
            Role::Active => self.healthy || self.pending.is_some(),
            Role::Draining => self.pending.is_some() || self.drained,
            Role::Follower | Role::Acquiring | Role::Fenced => false,
        }
    }

    /// Past `renew_deadline` nothing is tried any more: only the fence is left.
    fn may_retry(&self, now: Timestamp) -> bool {
        self.held.is_some_and(|held| now.since(held.renewed_at) < self.policy.renew_deadline)
    }

    fn renewal(&mut self) -> Option<LeaseOp> {
        let held = self.held?;
        Some(LeaseOp::Renew {
            fence: held.fence,
            expected: held.version,
            version: self.versions.next(),
            ttl_ms: millis(self.policy.ttl),
            wall_hint: self.wall,
            session: self.session.clone(),
        })
    }

    fn farewell(&mut self) -> Option<LeaseOp> {
        let held = self.held?;
        let (fence, expected, version) = (held.fence, held.version, self.versions.next());
        let (wall_hint, session) = (self.wall, self.session.clone());
        Some(match self.goal? {
            Goal::Offer(to) => LeaseOp::Offer { fence, expected, version, to, wall_hint, session },
            Goal::Release => LeaseOp::Release { fence, expected, version, wall_hint, session },
        })
    }

    pub(super) fn start_drain(&mut self, goal: Goal, commands: &mut Vec<Command>) {
        if self.role == Role::Active {
            self.role = Role::Draining;
            self.goal = Some(goal);
            self.drained = false;
            commands.push(Command::Drain { within: self.policy.drain });
        }
    }

    /// The lease is given up: the peer has it, or anybody may take it.
    pub(super) fn gave_up(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        self.held = None;
        self.goal = None;
        self.peer = None;
        self.drained = false;
        self.stable_since = now;
        self.next_read = now + self.policy.renew_every;
        self.next_write = now;
        self.role = Role::Follower;
        if self.stopping {
            self.role = Role::Fenced;
            commands.push(Command::Exit);
        }
    }

    /// Remembers the peer's request and whether it was seen to change: a request that never changes was left behind
    /// by a process that is gone.
    pub(super) fn note_peer(&mut self, request: Option<&HandbackRecord>, now: Timestamp) {
        self.peer = request.filter(|request| request.site != self.node.site).map(|request| match self.peer {
            Some(known) if known.incarnation == request.incarnation && known.version == request.version => known,
            known => PeerRequest {
                incarnation: request.incarnation,
                version: request.version,
                changed_at: now,
                alive: known.is_some_and(|known| known.incarnation == request.incarnation),
            },
        });
    }

    fn peer_is_due(&self, now: Timestamp) -> bool {
        let entitled = self.control_mode().entitled(self.node.preferred) == Some(self.node.site.other());
        let fresh =
            self.peer.is_some_and(|peer| peer.alive && now.since(peer.changed_at) < self.policy.renew_every * 2);
        entitled && fresh && self.pending.as_ref().is_none_or(|pending| !pending.in_flight)
    }
}
