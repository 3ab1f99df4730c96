//! One hand-over, from the announcement until the machine is let go.

use core::time::Duration;

use relais_failover::policy::Mode;
use relais_failover::timestamp::millis;
use relais_failover::{Board, ControlMode, ControlRecord, Policy, Site, Timestamp, WallClock};

use super::Terms;
use super::words::{Cause, Outcome, Phase, Told, Written};
use crate::wish;

/// What is known so far.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) cause: Cause,
    pub(super) began: Timestamp,
    /// From here on there is just time to give the lease away.
    give_at: Timestamp,
    /// The machine is let go, whatever is missing.
    deadline: Timestamp,
    /// Whether the bot was asked.
    pub(super) asked: bool,
    /// What the bot said, if it was heard; inside none if it did not answer.
    pub(super) bot: Option<Option<bool>>,
    /// Whether a read ended, with or without a board.
    looked: bool,
    board: Option<Box<Board>>,
    /// Reads from before this moment do not show our last write.
    written_at: Timestamp,
    /// Nothing was read since.
    outdated: bool,
    /// When the lease was last seen to change.
    moved_at: Timestamp,
    was_here: bool,
    /// Since when the record asks for the cloud.
    asked_since: Option<Timestamp>,
    ordering: bool,
    told: Option<Told>,
    next_order: Timestamp,
}

/// What comes of a look.
pub(super) enum Verdict {
    /// The machine may go.
    Over(Outcome),
    /// It has to wait.
    GoOn(Next),
}

/// What a hand-over needs.
pub(super) struct Next {
    /// Where it stands now.
    pub(super) phase: Phase,
    /// The override is to be written in place of this one.
    pub(super) replaces: Option<Option<ControlRecord>>,
}

/// Whose the lease is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The board was not read yet.
    Unseen,
    /// There is no such item.
    Missing,
    /// This site's, or about to be.
    Here,
    /// Nobody's.
    Free,
    /// Nobody's, and only the other site may take it.
    OfferedThere,
    /// The other site's.
    There,
}

/// What people want, and what may be asked for.
enum Stance {
    /// Not known.
    Unseen,
    /// The record asks for the cloud: ours or an operator's.
    InForce,
    /// It is to be asked for, in place of this record.
    Wanted(Option<ControlRecord>),
    /// An operator's word is against it, or there is no record that two sites share.
    Forbidden,
}

impl Course {
    pub(super) fn new(cause: Cause, began: Timestamp, give_at: Timestamp, deadline: Timestamp) -> Self {
        Self {
            cause,
            began,
            give_at,
            deadline,
            asked: false,
            bot: None,
            looked: false,
            board: None,
            written_at: Timestamp::ORIGIN,
            outdated: false,
            moved_at: began,
            was_here: false,
            asked_since: None,
            ordering: false,
            told: None,
            next_order: began,
        }
    }

    pub(super) fn saw(&mut self, sent: Timestamp, board: Option<Box<Board>>, site: Site, now: Timestamp) {
        self.looked = true;
        let Some(board) = board.filter(|_| sent >= self.written_at) else { return };
        let version = |board: &Board| board.lease.as_ref().map(|lease| lease.version);
        if self.board.as_ref().is_none_or(|before| version(before) != version(&board)) {
            self.moved_at = now;
        }
        self.board = Some(board);
        self.outdated = false;
        self.was_here |= self.standing(site) == Standing::Here;
    }

    /// A write of the override ended; `asks`: it was one that asks for the cloud.
    pub(super) fn written(&mut self, written: Written, asks: bool, now: Timestamp) {
        self.written_at = now;
        self.outdated = true;
        if asks && written == Written::Yes {
            self.asked_since = Some(now);
        }
    }

    pub(super) fn told(&mut self, told: Told, again: Timestamp) {
        self.ordering = false;
        self.told = Some(told);
        self.next_order = again;
    }

    /// Whether the bot is to be told now to give the lease away.
    pub(super) fn order(&mut self, now: Timestamp) -> bool {
        let due = self.may_order() && now >= self.next_order;
        self.ordering |= due;
        due
    }

    pub(super) fn judge(&mut self, phase: Phase, terms: &Terms, now: Timestamp, wall: WallClock) -> Verdict {
        if now >= self.deadline {
            return Verdict::Over(Outcome::OutOfTime);
        }
        let policy = &terms.policy;
        let stance = self.stance(policy, now, wall);
        let late = phase == Phase::GivingAway || now >= self.give_at || self.is_silent(policy.self_fence, now);
        let standing = self.standing(terms.site);
        let mut may_write = true;
        let over = match standing {
            Standing::Unseen => self.unreadable(policy.self_fence, now),
            Standing::Missing => Some(Outcome::NothingHere),
            Standing::There => Some(self.ended(Outcome::Taken)),
            Standing::OfferedThere => Some(self.ended(Outcome::Offered)),
            Standing::Here => self.abandoned(policy.self_fence, now).then_some(Outcome::Silent),
            Standing::Free => match &stance {
                Stance::Forbidden => Some(self.ended(Outcome::Released)),
                // Every bot of this site has read by then that it must not take it.
                Stance::InForce if late || self.is_settled(policy, now) => Some(Outcome::Released),
                Stance::Wanted(_) | Stance::Unseen if late => Some(self.ended(Outcome::Released)),
                Stance::Wanted(_) if !self.was_here && self.bot == Some(None) => Some(Outcome::NothingHere),
                Stance::InForce | Stance::Wanted(_) | Stance::Unseen => {
                    may_write = self.was_here || self.bot.is_some();
                    None
                }
            },
        };
        if let Some(outcome) = over {
            return Verdict::Over(outcome);
        }
        let forbidden = matches!(stance, Stance::Forbidden);
        let phase = match &stance {
            _ if late || forbidden => Phase::GivingAway,
            Stance::InForce => Phase::Waiting,
            Stance::Wanted(_) | Stance::Unseen | Stance::Forbidden => Phase::Asking,
        };
        let replaces = match stance {
            Stance::Wanted(expected) if may_write => Some(expected),
            Stance::Wanted(_) | Stance::Unseen | Stance::InForce | Stance::Forbidden => None,
        };
        Verdict::GoOn(Next { phase, replaces })
    }

    /// When [`Course::judge`] may come to something new without any news.
    pub(super) fn next_wakeup(&self, phase: Phase, terms: &Terms) -> Option<Timestamp> {
        let policy = &terms.policy;
        let next = match phase {
            Phase::GivingAway => self.may_order().then_some(self.next_order),
            Phase::Idle | Phase::Asking | Phase::Waiting | Phase::Asleep => {
                let known = !self.outdated && self.standing(terms.site) == Standing::Free;
                let settled = self.asked_since.filter(|_| known);
                let settled = settled.map(|since| since + policy.renew_every);
                [Some(self.give_at), Some(self.moved_at + policy.self_fence), settled].into_iter().flatten().min()
            }
        };
        [next, Some(self.deadline)].into_iter().flatten().min()
    }

    fn standing(&self, site: Site) -> Standing {
        let Some(board) = &self.board else { return Standing::Unseen };
        let Some(lease) = &board.lease else { return Standing::Missing };
        match (lease.holder.map(|claim| claim.site), lease.offer) {
            (Some(holder), _) if holder == site => Standing::Here,
            (Some(_), _) => Standing::There,
            (None, Some(to)) if to == site => Standing::Here,
            (None, Some(_)) => Standing::OfferedThere,
            (None, None) => Standing::Free,
        }
    }

    fn stance(&mut self, policy: &Policy, now: Timestamp, wall: WallClock) -> Stance {
        let Some(board) = self.board.as_ref().filter(|_| !self.outdated) else { return Stance::Unseen };
        if policy.mode == Mode::ProbeOnly {
            return Stance::Forbidden;
        }
        match ControlRecord::mode_at(board.control.as_ref(), wall) {
            ControlMode::Maintenance | ControlMode::ForceLaptop => Stance::Forbidden,
            // Ours was there and is gone: somebody took it back.
            ControlMode::Auto if self.asked_since.is_some() => Stance::Forbidden,
            ControlMode::Auto => Stance::Wanted(board.control.clone()),
            ControlMode::ForceCloud => {
                let over = WallClock(wall.0.saturating_add(millis(self.deadline.since(now))));
                match &board.control {
                    // Left over from the last time, and it ends before this hand-over may.
                    Some(ours) if wish::is_ours(ours) && ours.until < over => Stance::Wanted(board.control.clone()),
                    Some(_) | None => {
                        self.asked_since.get_or_insert(now);
                        Stance::InForce
                    }
                }
            }
        }
    }

    /// Without a board: the bot's word is all there is.
    fn unreadable(&self, silence: Duration, now: Timestamp) -> Option<Outcome> {
        match (self.bot, self.told) {
            (Some(Some(false)), _) | (_, Some(Told::NotHolder)) if self.looked => Some(Outcome::NothingHere),
            _ => self.abandoned(silence, now).then_some(Outcome::Silent),
        }
    }

    /// Nobody renews the lease, and the bot cannot be told to give it away.
    fn abandoned(&self, silence: Duration, now: Timestamp) -> bool {
        self.is_silent(silence, now) && matches!(self.told, Some(Told::NotHolder | Told::Failed))
    }

    fn is_silent(&self, silence: Duration, now: Timestamp) -> bool {
        now.since(self.moved_at) >= silence
    }

    fn is_settled(&self, policy: &Policy, now: Timestamp) -> bool {
        self.asked_since.is_some_and(|since| now.since(since) >= policy.renew_every)
    }

    /// The outcome, or that there was nothing to hand over from the first.
    const fn ended(&self, outcome: Outcome) -> Outcome {
        if self.was_here { outcome } else { Outcome::NothingHere }
    }

    fn may_order(&self) -> bool {
        !self.ordering && self.told != Some(Told::Begun)
    }
}
