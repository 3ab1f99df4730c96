//! The part of [`Holder`] that watches, asks and takes.

use super::{Command, FenceReason, Goal, Held, Holder, Role};
use crate::damping::handback_wait;
use crate::lease::{LeaseOp, LeaseRecord};
use crate::records::{ControlMode, HandbackRecord};
use crate::timestamp::{Timestamp, millis};
use crate::wire::SCHEMA;

impl Holder {
    pub(super) fn follow(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        if self.stopping {
            if self.pending.as_ref().is_none_or(|pending| !pending.in_flight) {
                self.role = Role::Fenced;
                self.withdraw(commands);
                commands.push(Command::Exit);
            }
            return;
        }
        self.read(now, commands);
        self.ask(now, commands);
        match &self.pending {
            Some(pending) if pending.in_flight => {}
            // The same bytes again: if the first one did arrive, the refusal shows my version.
            Some(pending) if now >= self.next_write => {
                let op = pending.op.clone();
                self.send(op, now, commands);
            }
            Some(_) => {}
            None if now >= self.next_write && self.healthy => {
                if let Some(op) = self.acquisition(now) {
                    self.role = Role::Acquiring;
                    self.send(op, now, commands);
                }
            }
            None => {}
        }
    }

    /// The acquisition that the lease as seen allows now.
    fn acquisition(&mut self, now: Timestamp) -> Option<LeaseOp> {
        let seen = self.seen.as_ref()?;
        let expected = seen.record.version;
        let stale = now.since(seen.since) >= self.policy.ttl;
        let free = seen.record.holder.is_none()
            && match seen.record.offer {
                Some(to) => to == self.node.site,
                None => self.welcome(),
            };
        if !free && !stale {
            return None;
        }
        let (claim, version) = (self.claim(), self.versions.next());
        let (ttl_ms, wall_hint) = (millis(self.policy.ttl), self.wall);
        Some(if free {
            LeaseOp::AcquireFree { claim, expected, version, ttl_ms, wall_hint }
        } else {
            LeaseOp::AcquireStale { claim, expected, version, ttl_ms, wall_hint }
        })
    }

    /// Whether a lease that is free for all may be taken at once: unless the operator wants it on the other site, which
    /// then has `ttl` to take it.
    fn welcome(&self) -> bool {
        match self.control_mode() {
            ControlMode::Auto | ControlMode::Maintenance => true,
            forced @ (ControlMode::ForceCloud | ControlMode::ForceLaptop) => {
                forced.entitled(self.node.preferred) == Some(self.node.site)
            }
        }
    }

    /// Asks the holder for the lease while it is this site's due, and takes the request back when it no longer is.
    fn ask(&mut self, now: Timestamp, commands: &mut Vec<Command>) {
        if !self.due(now) {
            self.withdraw(commands);
            return;
        }
        if self.asked_at.is_some_and(|asked| now.since(asked) < self.policy.renew_every) {
            return;
        }
        if self.asked_at.is_none() {
            self.next_read = self.next_read.min(now + self.policy.offer_poll_every);
        }
        self.asked_at = Some(now);
        commands.push(Command::PutHandback(HandbackRecord {
            schema: SCHEMA,
            site: self.node.site,
            incarnation: self.node.incarnation,
            version: self.versions.next(),
            stable_ms: millis(now.since(self.stable_since)),
            wall_hint: self.wall,
        }));
    }

    fn due(&self, now: Timestamp) -> bool {
        let mode = self.control_mode();
        let wait = match mode {
            ControlMode::Auto => handback_wait(self.flips, &self.policy),
            ControlMode::ForceCloud | ControlMode::ForceLaptop | ControlMode::Maintenance => core::time::Duration::ZERO,
        };
        mode.entitled(self.node.preferred) == Some(self.node.site)
            && self.healthy
            && now.since(self.stable_since) >= wait
            && self.seen.as_ref().is_some_and(|seen| {
                let peer_holds = seen.record.holder.is_some_and(|claim| claim.site != self.node.site);
                let coming = seen.record.offer == Some(self.node.site);
                peer_holds || (coming && self.asked_at.is_some())
            })
    }

    pub(super) fn withdraw(&mut self, commands: &mut Vec<Command>) {
        if self.asked_at.take().is_some() {
            commands.push(Command::ClearHandback(self.node.site));
        }
    }

    /// A write of mine is in the record: `first_sent` is the earliest it can have happened.
    pub(super) fn written(
        &mut self,
        op: &LeaseOp,
        first_sent: Timestamp,
        record: &LeaseRecord,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        self.pending = None;
        self.seen = Some(super::Seen { record: record.clone(), since: now });
        match op {
            LeaseOp::AcquireFree { .. } | LeaseOp::AcquireStale { .. } => {
                self.acquired(op, first_sent, record, now, commands);
            }
            LeaseOp::Renew { .. } => {
                if let Some(held) = &mut self.held {
                    held.version = record.version;
                    held.renewed_at = held.renewed_at.max(first_sent);
                    self.next_write = self.next_renewal(first_sent, now);
                }
            }
            LeaseOp::Offer { .. } | LeaseOp::Release { .. } => self.gave_up(now, commands),
        }
    }

    /// After a clock jump only a renewal that was sent since lets it speak, so that comes at once.
    fn next_renewal(&self, first_sent: Timestamp, now: Timestamp) -> Timestamp {
        if first_sent < self.jumped_at { now } else { first_sent + self.policy.renew_every }
    }

    fn acquired(
        &mut self,
        op: &LeaseOp,
        first_sent: Timestamp,
        record: &LeaseRecord,
        now: Timestamp,
        commands: &mut Vec<Command>,
    ) {
        let fence = record.fence().filter(|fence| fence.site == self.node.site);
        // An acknowledgement that comes when the lease is as good as over gives nothing: wait until it is stale.
        let Some(fence) = fence.filter(|_| now.since(first_sent) + self.policy.effect_timeout < self.policy.self_fence)
        else {
            self.role = Role::Follower;
            return;
        };
        self.held = Some(Held { fence, version: record.version, renewed_at: first_sent });
        self.next_write = self.next_renewal(first_sent, now);
        self.next_read = now + self.policy.renew_every;
        self.session.clone_from(&record.session);
        self.peer = None;
        self.drained = false;
        self.withdraw(commands);
        if self.stopping {
            // Never spoke, so there is nothing to drain.
            self.role = Role::Draining;
            self.goal = Some(Goal::Release);
            self.drained = true;
            return;
        }
        self.role = Role::Active;
        self.goal = None;
        let planned = matches!(op, LeaseOp::AcquireFree { .. });
        commands.push(Command::Activate { fence, session: record.session.clone(), planned });
    }

    pub(super) fn refused(&mut self, current: Option<LeaseRecord>, now: Timestamp, commands: &mut Vec<Command>) {
        self.pending = None;
        if let Some(held) = self.held {
            match current {
                None => commands.extend(self.fence_now(FenceReason::LeaseMissing)),
                // My term with a version that I did not write: an older write of mine landed after all. Go on from it.
                Some(record) if held.fence.admits(&record) => {
                    self.held = Some(Held { version: record.version, ..held });
                    self.next_write = now;
                }
                Some(_) => commands.extend(self.fence_now(FenceReason::Superseded)),
            }
            return;
        }
        self.role = Role::Follower;
        self.next_write = now;
        match current {
            None => self.seen = None,
            Some(record) => match &self.seen {
                Some(seen) if seen.record.version == record.version => {}
                Some(_) | None => self.seen = Some(super::Seen { record, since: now }),
            },
        }
    }
}
