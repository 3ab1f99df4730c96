//! One bot process: the holder, the shell that carries its commands out, and effects under `may_act`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use relais_failover::{
    Command, Event, EventKind, EventRecord, Fence, FenceReason, Holder, Incarnation, Role, SavedSession, Site, Term,
    Timestamp, WriteOutcome,
};

use super::store::{Reply, Request};
use super::{END, Happening, Millis, World, index};

/// What makes a process believe that it may speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Belief {
    /// The holder's own word.
    #[default]
    Sound,
    /// Bad: the lease is aged from the answer's receipt.
    FromReceipt,
    /// Bad: a record that names my site makes me the holder.
    FromRead,
}

pub(crate) struct Process {
    pub(crate) site: Site,
    pub(crate) incarnation: Incarnation,
    pub(crate) holder: Holder,
    pub(crate) alive: bool,
    pub(crate) round: u64,
    /// Terms for which this process has seen its own conditional write acknowledged.
    pub(crate) acknowledged: BTreeSet<Term>,
    acquisitions: BTreeSet<relais_failover::Version>,
    /// What a bad design believes: under which fence, since when.
    believed: Option<(Fence, Timestamp)>,
    /// When the newest read that was answered was sent: the shell does not time it out any more.
    read_answered: Timestamp,
    ticking: bool,
}

impl Process {
    pub(crate) fn new(site: Site, incarnation: Incarnation, holder: Holder) -> Self {
        Self {
            site,
            incarnation,
            holder,
            alive: true,
            round: 0,
            acknowledged: BTreeSet::new(),
            acquisitions: BTreeSet::new(),
            believed: None,
            read_answered: Timestamp::ORIGIN,
            ticking: false,
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}/{:?} (term {:?})", self.site, self.incarnation, self.term())
    }

    pub(crate) fn term(&self) -> Option<Term> {
        self.fence().map(|fence| fence.term)
    }

    fn fence(&self) -> Option<Fence> {
        self.holder.fence().or(self.believed.map(|(fence, _)| fence))
    }
}

impl World {
    pub(crate) fn may_act(&self, who: usize) -> bool {
        let process = &self.processes[who];
        let now = self.local(process.site);
        if !process.alive || self.asleep(process.site) {
            return false;
        }
        let believed = process
            .believed
            .is_some_and(|(_, since)| now.since(since) + self.policy.effect_timeout < self.policy.self_fence);
        process.holder.may_act(now) || believed
    }

    /// Feeds the holder, now or when its machine wakes.
    pub(crate) fn tell(&mut self, who: usize, event: Event) {
        let site = self.processes[who].site;
        if !self.processes[who].alive {
            return;
        }
        if self.asleep(site) {
            let wait = self.machines[index(site)].asleep_until - self.now;
            self.after(wait, Happening::Tell(who, event));
            return;
        }
        let (now, wall) = (self.local(site), self.wall());
        let awoken = event == Event::Wakeup;
        let commands = self.processes[who].holder.handle(event, now, wall);
        for command in commands {
            self.command(who, command);
        }
        let process = &mut self.processes[who];
        process.round += 1;
        let (round, next) = (process.round, process.holder.next_wakeup());
        if process.holder.role() == Role::Fenced {
            return;
        }
        if let Some(next) = next {
            if awoken && next <= now {
                let why = format!("{} asks to be woken in the past", self.processes[who].name());
                self.break_law("wake-ups", &why);
            }
            let wait = self.until(site, next);
            self.after(wait.max(1), Happening::Wake(who, round));
        }
    }

    fn command(&mut self, who: usize, command: Command) {
        let site = self.processes[who].site;
        let sent = self.local(site);
        match command {
            Command::ReadBoard => self.request(who, Request::Read { sent }),
            Command::WriteLease(op) => {
                if op.acquires() {
                    self.processes[who].acquisitions.insert(op.version());
                }
                self.request(who, Request::Lease { op, sent });
            }
            Command::PutHandback(record) => self.request(who, Request::Ask(record)),
            Command::ClearHandback(site) => self.request(who, Request::Withdraw(site)),
            Command::Activate { fence, planned, .. } => {
                let kind = if planned { EventKind::HandedOver } else { EventKind::TakenOver };
                let at = self.wall();
                self.history.push(EventRecord { schema: 1, kind, site, term: fence.term, at });
                self.start_ticking(who);
            }
            Command::Drain { .. } => {
                self.processes[who].believed = None;
                let wait = self.roll(1_000);
                let session = SavedSession {
                    session_id: "s".into(),
                    sequence: self.now,
                    resume_url: None,
                    shards: NonZeroU32::MIN,
                };
                self.after(wait, Happening::Tell(who, Event::SessionMoved(session)));
                self.after(wait, Happening::Tell(who, Event::Drained));
            }
            Command::Fence { reason } => {
                // A lease aged from the receipt would not be over yet.
                let stays = self.design.belief == super::Belief::FromReceipt && reason == FenceReason::RenewalTooOld;
                self.end(who, stays);
            }
            Command::Exit => self.end(who, false),
        }
    }

    fn end(&mut self, who: usize, stays: bool) {
        if !stays {
            self.processes[who].alive = false;
        }
        let wait = 500 + self.roll(3_000);
        let site = self.processes[who].site;
        self.after(wait, Happening::Boot(site));
    }

    fn start_ticking(&mut self, who: usize) {
        if !self.processes[who].ticking {
            self.processes[who].ticking = true;
            self.after(1, Happening::Act(who));
        }
    }

    /// Sends a request: it may be lost, land late, land and lose its answer, or be answered twice.
    pub(crate) fn request(&mut self, who: usize, request: Request) {
        let (now, site) = (self.now, self.processes[who].site);
        let machine = self.machines[index(site)].clone();
        let timeout = self.policy.request_timeout.as_millis() as Millis;
        match &request {
            Request::Read { sent } => {
                self.after(timeout, Happening::Answer(who, Reply::Board { sent: *sent, board: None }));
            }
            Request::Lease { op, sent } => {
                let silence = Reply::Lease { op: op.clone(), sent: *sent, answer: None };
                self.after(timeout, Happening::Answer(who, silence));
            }
            Request::Ask(_) | Request::Withdraw(_) | Request::Enter { .. } | Request::Mark { .. } => {}
        }
        if machine.cut_until > now {
            return;
        }
        let slow = machine.slow_until > now;
        let out = if slow { self.roll(40_000) } else { 2 + self.roll(120) };
        let back = if slow { self.roll(6_000) } else { 2 + self.roll(120) };
        let lost = machine.forgetful_until > now && self.roll(10) < 9;
        let twice = self.roll(12) == 0;
        if twice {
            // The answer comes a second time, later than anybody waits.
            let late = back + self.roll(8_000);
            self.after(out, Happening::Arrive(who, request.clone(), (!lost).then_some(late)));
        }
        self.after(out, Happening::Arrive(who, request, (!lost).then_some(back)));
    }

    pub(crate) fn arrive(&mut self, who: usize, request: Request, back: Option<Millis>) {
        let broken = match &request {
            Request::Read { sent } => {
                let board = Some(self.store.board());
                self.reply(who, back, Reply::Board { sent: *sent, board });
                None
            }
            Request::Lease { op, sent } => {
                let (answer, broken) = self.store.lease(op, self.design, self.now);
                self.reply(who, back, Reply::Lease { op: op.clone(), sent: *sent, answer: Some(answer) });
                broken
            }
            Request::Ask(record) => {
                self.store.handback = Some(record.clone());
                None
            }
            Request::Withdraw(site) => {
                self.store.handback.take_if(|record| record.site == *site);
                None
            }
            Request::Enter { .. } | Request::Mark { .. } => {
                let broken = self.store.fenced(&request, self.design);
                self.reply(who, back, Reply::Fenced);
                broken
            }
        };
        if let Some(why) = broken {
            self.broken.push(format!("{why}, at {} ms", self.now));
        }
    }

    fn reply(&mut self, who: usize, back: Option<Millis>, reply: Reply) {
        if let Some(back) = back {
            self.after(back, Happening::Answer(who, reply));
        }
    }

    pub(crate) fn answered(&mut self, who: usize, reply: Reply) {
        let site = self.processes[who].site;
        if !self.processes[who].alive {
            return;
        }
        if self.asleep(site) {
            let wait = self.machines[index(site)].asleep_until - self.now;
            self.after(wait, Happening::Answer(who, reply));
            return;
        }
        let now = self.local(site);
        match reply {
            Reply::Board { sent, board: None } if self.processes[who].read_answered >= sent => {}
            Reply::Board { sent, board } => {
                self.processes[who].read_answered = self.processes[who].read_answered.max(sent);
                if let Some(lease) = board.as_ref().and_then(|board| board.lease.as_ref()) {
                    self.heed(who, lease, now);
                }
                self.tell(who, Event::BoardRead { sent, board });
            }
            Reply::Lease { op, sent, answer } => {
                let outcome = match answer {
                    None => WriteOutcome::Unknown,
                    Some(Ok(record)) => WriteOutcome::Written(record),
                    Some(Err(refusal)) => WriteOutcome::Refused(Some(*refusal.current)),
                };
                if let WriteOutcome::Written(record) | WriteOutcome::Refused(Some(record)) = &outcome {
                    let mine = op.is_mine(record);
                    let process = &mut self.processes[who];
                    if mine && op.acquires() {
                        process.acknowledged.insert(record.term);
                    }
                    let named = record.fence().filter(|fence| fence.incarnation == process.incarnation);
                    match named {
                        Some(fence) if mine && self.design.belief == Belief::FromReceipt => {
                            process.believed = Some((fence, now));
                        }
                        Some(_) => {}
                        None => process.believed = None,
                    }
                }
                self.tell(who, Event::WriteDone { op, sent, outcome });
            }
            Reply::Fenced => {}
        }
    }

    /// What a read teaches beside the holder: the proof of an own write, and for one bad design much more.
    fn heed(&mut self, who: usize, lease: &relais_failover::LeaseRecord, now: Timestamp) {
        let process = &mut self.processes[who];
        if process.acquisitions.contains(&lease.version) {
            process.acknowledged.insert(lease.term);
        }
        if self.design.belief == Belief::FromRead {
            let named = lease.fence().filter(|fence| fence.site == process.site);
            process.believed = named.map(|fence| (fence, now));
            if named.is_some() {
                self.start_ticking(who);
            }
        }
    }

    /// One effect: a state change, or a message out of the outbox.
    pub(crate) fn act(&mut self, who: usize) {
        if !self.processes[who].alive || self.now > END {
            return;
        }
        if self.may_act(who)
            && let Some(fence) = self.processes[who].fence()
        {
            match self.store.unsent() {
                Some(entry) if self.roll(3) > 0 => {
                    let wait = self.roll(1_500);
                    self.after(wait, Happening::Message(who, entry));
                }
                Some(_) | None => {
                    let entry = self.order;
                    self.request(who, Request::Enter { fence, entry });
                }
            }
        }
        let wait = 700 + self.roll(900);
        self.after(wait, Happening::Act(who));
    }

    /// A message reaches Discord; its sender marks the entry when it hears of it.
    pub(crate) fn message(&mut self, who: usize, entry: u64) {
        if let Some(why) = self.discord.post(entry, self.design) {
            self.break_law("S8 ExactlyOnce", &why);
        }
        // The answer may be lost, and then somebody sends it again.
        if self.roll(4) > 0
            && self.processes[who].alive
            && let Some(fence) = self.processes[who].fence()
        {
            self.request(who, Request::Mark { fence, entry });
        }
    }
}
