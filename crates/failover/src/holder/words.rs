//! The words of [`Holder`](super::Holder): what happens to it and what it asks for.

use core::time::Duration;

use crate::ids::{Incarnation, Site};
use crate::lease::{Fence, LeaseOp, LeaseRecord, SavedSession};
use crate::records::{Board, HandbackRecord};
use crate::timestamp::Timestamp;

/// Who this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its site.
    pub site: Site,
    /// This run of it.
    pub incarnation: Incarnation,
    /// The site that has the lease when both are well.
    pub preferred: Site,
}

/// Where a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Watches the lease.
    Follower,
    /// Has asked for the lease and waits for the answer.
    Acquiring,
    /// May speak, as long as [`Holder::may_act`](super::Holder::may_act) says so.
    Active,
    /// Closes the gateway and finishes what is in flight; takes nothing new.
    Draining,
    /// Fell silent for good; the process ends.
    Fenced,
}

impl Role {
    /// The name used in facts and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Acquiring => "acquiring",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Fenced => "fenced",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The time of [`Holder::next_wakeup`](super::Holder::next_wakeup) has come (earlier or later does no harm).
    Wakeup,
    /// A consistent read that was sent at `sent` ended; `board` is none if it could not be read.
    BoardRead {
        /// When the read was sent.
        sent: Timestamp,
        /// What it showed.
        board: Option<Board>,
    },
    /// A lease write that was sent at `sent` ended.
    WriteDone {
        /// The operation, as commanded.
        op: LeaseOp,
        /// When it was sent.
        sent: Timestamp,
        /// How it ended.
        outcome: WriteOutcome,
    },
    /// The bot's own pulse: heartbeat ACK and event loop within the policy.
    Pulse {
        /// Whether it may keep the lease.
        healthy: bool,
    },
    /// The Discord session moved; saved with the next renewal or offer.
    SessionMoved(SavedSession),
    /// The gateway is closed and nothing is in flight any more.
    Drained,
    /// Somebody on this machine wants the lease to move to `to` now.
    HandoverRequested {
        /// The site that shall have it.
        to: Site,
    },
    /// SIGTERM: end in good order.
    StopRequested,
    /// The clocks show that this process did not run for a while.
    ClockJumped,
    /// Unplanned moves in the window, read from the history ([`crate::damping::flips`]).
    Flips(u32),
}

/// How a lease write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Acknowledged, with the record written.
    Written(LeaseRecord),
    /// Its condition failed; the record that is there, or none if the item is missing.
    Refused(Option<LeaseRecord>),
    /// No answer: perhaps written, perhaps not.
    Unknown,
}

/// What the shell shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Read the board, consistently, and feed [`Event::BoardRead`].
    ReadBoard,
    /// Run the operation and feed [`Event::WriteDone`].
    WriteLease(LeaseOp),
    /// Write the request for the lease.
    PutHandback(HandbackRecord),
    /// Take this site's request back.
    ClearHandback(Site),
    /// Speak under this fence.
    Activate {
        /// The right to change state.
        fence: Fence,
        /// The session to resume, if one was saved.
        session: Option<SavedSession>,
        /// Whether the lease was given up in order; otherwise it was taken from one that fell silent.
        planned: bool,
    },
    /// Take nothing new, close the gateway so that the session stays resumable, finish what is in flight, feed
    /// [`Event::SessionMoved`] and then [`Event::Drained`].
    Drain {
        /// How long what is in flight may take.
        within: Duration,
    },
    /// Close the socket and abort sends at once, then end the process with a failure.
    Fence {
        /// Why.
        reason: FenceReason,
    },
    /// Everything is given up in order: end the process with success.
    Exit,
}

/// Why a holder fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum FenceReason {
    /// The last renewal is as old as `self_fence`.
    #[error("the lease could not be renewed in time")]
    RenewalTooOld,
    /// The lease names somebody else or a newer term.
    #[error("the lease was taken by a newer term")]
    Superseded,
    /// The lease item is gone.
    #[error("the lease record is missing")]
    LeaseMissing,
}
