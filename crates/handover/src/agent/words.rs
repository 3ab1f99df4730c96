//! The words of [`Agent`](super::Agent): what happens to it and what it asks for.

use core::time::Duration;

use relais_failover::{Board, ControlRecord, Timestamp};

/// What the machine is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Suspend, hibernate, or both.
    Sleep,
    /// Power off, restart, or another kernel.
    Shutdown,
}

impl Cause {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sleep, Self::Shutdown];

    /// The name that logind gives its locks, and the one in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Where the agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The machine is awake: the locks are held, or asked for.
    Idle,
    /// The machine wants to go: who holds the lease, and what do people want?
    Asking,
    /// The cloud is asked for; its bot will ask this one for the lease.
    Waiting,
    /// The bot is told to give the lease away.
    GivingAway,
    /// The locks are dropped: the machine goes, or is gone.
    Asleep,
}

impl Phase {
    /// The name in logs and in the service's status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "awake, sleep and shutdown wait for a hand-over",
            Self::Asking => "looks who holds the lease",
            Self::Waiting => "waits for the cloud",
            Self::GivingAway => "gives the lease away",
            Self::Asleep => "lets the machine go",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The machine is about to go (`PrepareForSleep(true)`, `PrepareForShutdown(true)`).
    Announced(Cause),
    /// It is back, or stays after all (the same signals with false).
    Back,
    /// The answer to [`Command::TakeLocks`].
    Locked {
        /// Whether the locks are held now.
        held: bool,
        /// How long logind waits for who holds one, if it said so.
        limit: Option<Duration>,
    },
    /// logind was restarted: what it knew of our locks, and that it waited for us, may be gone.
    Restarted {
        /// What the machine is about to do now, by the new one's word.
        preparing: Option<Cause>,
    },
    /// A consistent read that was sent at `sent` ended; `board` is none if it could not be read.
    BoardRead {
        /// When it was sent.
        sent: Timestamp,
        /// What it showed.
        board: Option<Box<Board>>,
    },
    /// What this site's bot says of itself: whether it holds the lease; none if it does not answer.
    BotSaid(Option<bool>),
    /// The answer to [`Command::PutControl`].
    ControlWritten(Written),
    /// The answer to [`Command::GiveAway`].
    Told(Told),
    /// The time of [`Agent::next_wakeup`](super::Agent::next_wakeup) has come (earlier or later does no harm).
    Wakeup,
}

/// How a conditional write of the override ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It stands there.
    Yes,
    /// Another one stood there and still does.
    Refused,
    /// No answer: perhaps, perhaps not.
    Unknown,
}

/// What the bot answered to the order to give the lease away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It drains and then offers the lease.
    Begun,
    /// It does not hold the lease, or gives it away already.
    NotHolder,
    /// No answer that helps.
    Failed,
}

/// What the shell shall do. Each request is answered by one event, within `request_timeout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take the locks, or take them anew, and feed [`Event::Locked`].
    TakeLocks,
    /// Let the machine go.
    DropLocks,
    /// Read the board, consistently, and feed [`Event::BoardRead`].
    ReadBoard,
    /// Ask this site's bot and feed [`Event::BotSaid`].
    AskBot,
    /// Write the override if `expected` is what stands there, and feed [`Event::ControlWritten`].
    PutControl {
        /// What to write.
        record: ControlRecord,
        /// What was read.
        expected: Option<ControlRecord>,
    },
    /// Tell this site's bot to drain and to offer the lease to the other site, and feed [`Event::Told`].
    GiveAway,
    /// For the log: a hand-over is over, and how.
    Ended {
        /// What it was for.
        cause: Cause,
        /// How it went.
        outcome: Outcome,
        /// Since the announcement.
        took: Duration,
    },
    /// For the log: REALTIME and BOOTTIME moved apart while the machine slept, which no sleep explains.
    ClockStepped {
        /// By how much REALTIME is ahead of where it should be, ms.
        by_ms: i64,
    },
    /// For the log: our own override is out of the record.
    TakenBack,
}

/// How a hand-over ended. In each case the machine was let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to hand over: the lease was somewhere else, or nobody at this site could have it.
    NothingHere,
    /// The other site holds the lease: nobody was missed.
    Taken,
    /// The lease is offered to the other site, which has not taken it yet.
    Offered,
    /// The lease is free, and this site will not take it while it is asked to leave.
    Released,
    /// The lease is this site's and nobody renews it: it goes stale.
    Silent,
    /// The time was over before the lease was given away: it goes stale.
    OutOfTime,
}

impl Outcome {
    /// The name in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingHere => "nothing to hand over",
            Self::Taken => "taken by the other site",
            Self::Offered => "offered to the other site",
            Self::Released => "released",
            Self::Silent => "nobody renews the lease",
            Self::OutOfTime => "out of time",
        }
    }

    /// Whether the lease has to go stale before anybody can speak.
    #[must_use]
    pub const fn leaves_it_behind(self) -> bool {
        match self {
            Self::Silent | Self::OutOfTime => true,
            Self::NothingHere | Self::Taken | Self::Offered | Self::Released => false,
        }
    }
}
