//! The store: one lease record, fenced state, and a log by which the laws are judged.

use std::collections::{BTreeMap, BTreeSet};

use relais_failover::{
    Board, Claim, ControlRecord, Fence, HandbackRecord, Incarnation, LeaseOp, LeaseRecord, Policy, Refusal, Site, Term,
    Timestamp, Version, WallClock,
};

use super::{Design, Millis};

/// What a process asks of the store.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Read {
        sent: Timestamp,
    },
    Lease {
        op: LeaseOp,
        sent: Timestamp,
    },
    Ask(HandbackRecord),
    Withdraw(Site),
    /// A fenced write that makes an outbox entry.
    Enter {
        fence: Fence,
        entry: u64,
    },
    /// A fenced write that marks an entry as sent.
    Mark {
        fence: Fence,
        entry: u64,
    },
}

/// What the store answers, or what the shell makes of no answer.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Board { sent: Timestamp, board: Option<Board> },
    Lease { op: LeaseOp, sent: Timestamp, answer: Option<Result<LeaseRecord, Refusal>> },
    Fenced,
}

pub(crate) struct Store {
    pub(crate) lease: LeaseRecord,
    pub(crate) handback: Option<HandbackRecord>,
    pub(crate) control: Option<ControlRecord>,
    /// Which incarnation each term named.
    pub(crate) named: BTreeMap<Term, Incarnation>,
    /// Renewals that landed in the present term.
    pub(crate) renewals: u32,
    /// When the last lease write landed.
    pub(crate) written_at: Millis,
    /// Entries of the outbox, and under which terms they were marked as sent.
    pub(crate) outbox: BTreeMap<u64, BTreeSet<Term>>,
    operations: BTreeSet<(u64, Term)>,
    last_accepted: Term,
}

impl Store {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            lease: LeaseRecord::initial(Version::new(1), policy.ttl, WallClock(0)),
            handback: None,
            control: None,
            named: BTreeMap::new(),
            renewals: 0,
            written_at: 0,
            outbox: BTreeMap::new(),
            operations: BTreeSet::new(),
            last_accepted: Term(0),
        }
    }

    pub(crate) fn board(&self) -> Board {
        Board { lease: Some(self.lease.clone()), handback: self.handback.clone(), control: self.control.clone() }
    }

    /// Runs a lease operation; the law that it broke, if it did.
    pub(crate) fn lease(
        &mut self,
        op: &LeaseOp,
        design: Design,
        now: Millis,
    ) -> (Result<LeaseRecord, Refusal>, Option<String>) {
        let mut next = match op.apply(&self.lease) {
            Ok(next) => next,
            Err(refusal) => return (Err(refusal), None),
        };
        if let (LeaseOp::Offer { to, .. }, true) = (op, design.direct_transfer) {
            next.holder = Some(Claim { site: *to, incarnation: Incarnation::new(0) });
            next.offer = None;
            next.term = next.term.next();
        }
        let changed = next.term != self.lease.term;
        let broken = (next.term < self.lease.term).then(|| "S1 FenceOrder: the term went back".to_owned());
        self.renewals = if changed || next.holder.is_none() { 0 } else { self.renewals + 1 };
        self.lease = next;
        self.written_at = now;
        let twice = self.lease.holder.filter(|claim| claim.incarnation != Incarnation::new(0)).and_then(|claim| {
            let named = *self.named.entry(self.lease.term).or_insert(claim.incarnation);
            (named != claim.incarnation).then(|| format!("S2 TermUnique: term {} names two", self.lease.term))
        });
        (Ok(self.lease.clone()), broken.or(twice))
    }

    /// Runs a fenced write. The judge knows the newest term by itself and does not ask the fence.
    pub(crate) fn fenced(&mut self, request: &Request, design: Design) -> Option<String> {
        let (fence, entry, mark) = match request {
            Request::Enter { fence, entry } => (fence, *entry, false),
            Request::Mark { fence, entry } => (fence, *entry, true),
            Request::Read { .. } | Request::Lease { .. } | Request::Ask(_) | Request::Withdraw(_) => return None,
        };
        if !design.no_fence && !fence.admits(&self.lease) {
            return None;
        }
        let stale = fence.term < self.lease.term || fence.term < self.last_accepted;
        self.last_accepted = self.last_accepted.max(fence.term);
        let mut broken = None;
        if mark {
            let first = self.operations.insert((entry, fence.term));
            if first && !self.outbox.entry(entry).or_default().insert(fence.term) {
                broken = Some(format!("S8 ExactlyOnce: entry {entry} marked twice in term {}", fence.term));
            }
        } else {
            self.outbox.entry(entry).or_default();
        }
        if stale {
            broken = Some(format!("S1 FenceOrder: term {} after term {}", fence.term, self.lease.term));
        }
        broken
    }

    /// The oldest entry that nobody marked as sent.
    pub(crate) fn unsent(&self) -> Option<u64> {
        self.outbox.iter().find(|(_, marks)| marks.is_empty()).map(|(entry, _)| *entry)
    }
}
