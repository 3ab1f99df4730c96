//! What to do when the machine wants to go, and when it is back: decided from events alone.
//!
//! The shell feeds what happened and carries out what comes back. Time is an argument; [`Agent::next_wakeup`] says when to
//! feed [`Event::Wakeup`]. The store's record is the judge of who holds the lease; the bot's word counts where the record
//! leaves it open. Whatever hangs, the locks are dropped at the deadline.

mod course;
mod words;

use core::time::Duration;

use relais_failover::{Board, Policy, Site, Timestamp, WallClock};

use self::course::{Course, Next, Verdict};
use crate::wish;

pub use words::{Cause, Command, Event, Outcome, Phase, Told, Written};

/// Who the agent works for.
#[derive(Debug, Clone)]
pub struct Terms {
    /// This machine's site.
    pub site: Site,
    /// The numbers of the protocol.
    pub policy: Policy,
}

/// An override of ours that may stand in the record although the machine is awake.
#[derive(Debug, Clone, Copy)]
struct Tidying {
    /// A write from before may still be under way for a while; only a read from later than that proves that there is none.
    since: Timestamp,
}

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Wish,
    TakenBack,
}

/// The state machine.
#[derive(Debug)]
pub struct Agent {
    terms: Terms,
    phase: Phase,
    /// How long logind waits for who holds a lock.
    limit: Duration,
    locked: bool,
    locking: bool,
    next_lock: Timestamp,
    reading: bool,
    next_read: Timestamp,
    writing: Option<Writing>,
    course: Option<Course>,
    tidying: Option<Tidying>,
    /// REALTIME less BOOTTIME when the machine wanted to go, ms.
    offset: Option<i128>,
}

impl Agent {
    /// A new process. `preparing`: what the machine is about to do already; then nobody waits for this process, which was
    /// started too late to hold a lock.
    #[must_use]
    pub fn new(terms: Terms, preparing: Option<Cause>, now: Timestamp) -> Self {
        let limit = terms.policy.inhibit;
        let mut agent = Self {
            terms,
            phase: Phase::Idle,
            limit,
            locked: false,
            locking: false,
            next_lock: now,
            reading: false,
            next_read: now,
            writing: None,
            course: None,
            // Of a process that is gone.
            tidying: Some(Tidying { since: now }),
            offset: None,
        };
        if let Some(cause) = preparing {
            agent.begin(cause, now);
        }
        agent
    }

    /// Takes an event in and says what to do. `now` is this machine's own clock, `wall` its wall clock.
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Timestamp, wall: WallClock) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Wakeup => {}
            Event::Announced(cause) => {
                self.offset = Some(offset(now, wall));
                if self.course.is_none() {
                    self.begin(cause, now);
                }
            }
            Event::Back => self.back(now, wall, &mut commands),
            Event::Locked { held, limit } => self.locks(held, limit, now, &mut commands),
            Event::Restarted { preparing } => match (self.phase, preparing) {
                (Phase::Idle, None) => self.lock(&mut commands),
                (Phase::Idle, Some(cause)) => self.begin(cause, now),
                // The one that would have said so is gone.
                (Phase::Asking | Phase::Waiting | Phase::GivingAway | Phase::Asleep, None) => {
                    self.back(now, wall, &mut commands);
                    if !self.locking {
                        self.lock(&mut commands);
                    }
                }
                (Phase::Asking | Phase::Waiting | Phase::GivingAway | Phase::Asleep, Some(_)) => {}
            },
            Event::BoardRead { sent, board } => self.board_read(sent, board, now, &mut commands),
            Event::BotSaid(holder) => {
                if let Some(course) = &mut self.course {
                    course.bot = Some(holder);
                }
            }
            Event::ControlWritten(written) => self.written(written, now, &mut commands),
            Event::Told(told) => {
                let again = now + self.poll();
                if let Some(course) = &mut self.course {
                    course.told(told, again);
                }
                self.next_read = now;
            }
        }
        self.proceed(now, wall, &mut commands);
        commands
    }

    /// When to feed [`Event::Wakeup`] next; none while only an answer is waited for.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let read = (!self.reading && self.reads()).then_some(self.next_read);
        let lock = (self.phase == Phase::Idle && !self.locked && !self.locking).then_some(self.next_lock);
        let course = self.course.as_ref().and_then(|course| course.next_wakeup(self.phase, &self.terms));
        [read, lock, course].into_iter().flatten().min()
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether sleep and shutdown wait for this process.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.locked
    }

    /// Nobody waits for a process without a lock, so it gives the lease away at once.
    fn begin(&mut self, cause: Cause, now: Timestamp) {
        let policy = &self.terms.policy;
        let margin = self.limit / 20;
        // At least one request fits, whatever logind was told.
        let within = (self.limit - margin).max(policy.request_timeout);
        // Draining, the bot's write, and the order to it.
        let reserve = policy.drain + policy.request_timeout * 2;
        let patience = if self.locked { within.saturating_sub(reserve) } else { Duration::ZERO };
        self.course = Some(Course::new(cause, now, now + patience, now + within));
        self.phase = Phase::Asking;
        self.next_read = now;
        self.tidying = None;
    }

    fn back(&mut self, now: Timestamp, wall: WallClock, commands: &mut Vec<Command>) {
        self.course = None;
        self.phase = Phase::Idle;
        self.tidying = Some(Tidying { since: now });
        self.next_read = now;
        if !self.locked && !self.locking {
            self.lock(commands);
        }
        if let Some(before) = self.offset.take() {
            let by_ms = i64::try_from(offset(now, wall) - before).unwrap_or(i64::MAX);
            if u128::from(by_ms.unsigned_abs()) > self.terms.policy.clock_jump.as_millis() {
                commands.push(Command::ClockStepped { by_ms });
            }
        }
    }

    fn lock(&mut self, commands: &mut Vec<Command>) {
        self.locking = true;
        commands.push(Command::TakeLocks);
    }

    fn locks(&mut self, held: bool, limit: Option<Duration>, now: Timestamp, commands: &mut Vec<Command>) {
        self.locking = false;
        self.locked = held;
        self.next_lock = now + self.terms.policy.renew_every;
        if let Some(limit) = limit {
            self.limit = limit.min(self.terms.policy.inhibit);
        }
        if held && self.phase == Phase::Asleep {
            // Asked for before the machine wanted to go, and come too late.
            self.drop_locks(commands);
        }
    }

    fn drop_locks(&mut self, commands: &mut Vec<Command>) {
        self.locked = false;
        commands.push(Command::DropLocks);
    }

    fn board_read(&mut self, sent: Timestamp, board: Option<Box<Board>>, now: Timestamp, commands: &mut Vec<Command>) {
        self.reading = false;
        let read = board.is_some();
        self.next_read = now + if self.course.is_some() { self.poll() } else { self.terms.policy.renew_every };
        if let Some(course) = &mut self.course {
            course.saw(sent, board, self.terms.site, now);
            return;
        }
        let Some(tidying) = self.tidying.filter(|_| read && self.phase == Phase::Idle) else { return };
        match board.and_then(|board| board.control).filter(wish::is_ours) {
            Some(ours) if self.writing.is_none() => {
                self.writing = Some(Writing::TakenBack);
                self.tidying = Some(Tidying { since: now });
                commands.push(Command::PutControl { record: wish::taken_back(), expected: Some(ours) });
            }
            Some(_) => {}
            None if sent >= tidying.since + self.late() => self.tidying = None,
            None => self.next_read = tidying.since + self.late(),
        }
    }

    fn written(&mut self, written: Written, now: Timestamp, commands: &mut Vec<Command>) {
        let what = self.writing.take();
        self.next_read = now;
        if let Some(course) = &mut self.course {
            course.written(written, what == Some(Writing::Wish), now);
        } else if let Some(tidying) = &mut self.tidying {
            if (what, written) == (Some(Writing::TakenBack), Written::Yes) {
                // Nothing older can be written any more: each write of ours names what it replaces.
                self.tidying = None;
                commands.push(Command::TakenBack);
            } else {
                tidying.since = now;
            }
        }
    }

    fn proceed(&mut self, now: Timestamp, wall: WallClock, commands: &mut Vec<Command>) {
        if let Some(course) = self.course.as_mut().filter(|course| !course.asked) {
            course.asked = true;
            commands.push(Command::AskBot);
        }
        self.judge(now, wall, commands);
        if self.phase == Phase::Idle && !self.locked && !self.locking && now >= self.next_lock {
            self.lock(commands);
        }
        if self.reads() && !self.reading && now >= self.next_read {
            self.reading = true;
            commands.push(Command::ReadBoard);
        }
    }

    /// One step of the hand-over: to its end, or to what it needs next.
    fn judge(&mut self, now: Timestamp, wall: WallClock, commands: &mut Vec<Command>) {
        let Some(course) = &mut self.course else { return };
        let Next { phase, replaces } = match course.judge(self.phase, &self.terms, now, wall) {
            Verdict::Over(outcome) => {
                commands.push(Command::Ended { cause: course.cause, outcome, took: now.since(course.began) });
                self.course = None;
                self.phase = Phase::Asleep;
                if self.locked {
                    self.drop_locks(commands);
                }
                return;
            }
            Verdict::GoOn(next) => next,
        };
        self.phase = phase;
        if let Some(expected) = replaces.filter(|_| self.writing.is_none()) {
            let policy = &self.terms.policy;
            // Longer than the machine waits, and long enough for a standby that starts late. If it is still late then, it
            // comes for the lease that was offered to it.
            let lasts = policy.inhibit + policy.recycle_after;
            self.writing = Some(Writing::Wish);
            commands.push(Command::PutControl { record: wish::made(course.cause, wall, lasts), expected });
        }
        if phase == Phase::GivingAway && course.order(now) {
            commands.push(Command::GiveAway);
        }
    }

    /// Whether the board is to be read again and again.
    fn reads(&self) -> bool {
        self.course.is_some() || (self.tidying.is_some() && self.phase == Phase::Idle)
    }

    /// How often a hand-over looks.
    fn poll(&self) -> Duration {
        self.terms.policy.renew_every / 10
    }

    /// After this a write of an earlier process or moment is done or will never be.
    fn late(&self) -> Duration {
        self.terms.policy.request_timeout * 2
    }
}

fn offset(now: Timestamp, wall: WallClock) -> i128 {
    i128::from(wall.0) - i128::from(now.as_millis())
}
