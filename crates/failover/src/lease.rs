//! The lease: one record, four operations, one fence (protocol, records and operations).
//!
//! Every operation is a function from the record that is there to the record that shall be there, or a refusal that
//! carries the old one. A store does nothing else but run it atomically.

use core::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::ids::{Incarnation, Site, Term, Version};
use crate::timestamp::{WallClock, millis};

/// The version of the lease record's form that this code writes.
pub const SCHEMA: u32 = 1;

/// The Discord session that whoever speaks next may resume (Discord documentation, gateway, resuming). Of a bot with
/// several shards it is the first one's; the others stand in the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// Discord's session id.
    pub session_id: String,
    /// The last sequence number that was handled.
    pub sequence: u64,
    /// `resume_gateway_url` of READY, if it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_url: Option<String>,
    /// How many shards the bot had: a session is good only among as many (Discord documentation, sharding).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub shards: NonZeroU32,
}

const fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

// serde hands a reference in.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
fn is_one(shards: &NonZeroU32) -> bool {
    *shards == NonZeroU32::MIN
}

/// Who holds the lease: a site and the one process on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The site.
    pub site: Site,
    /// The process.
    pub incarnation: Incarnation,
}

/// The right to change state: it is good only while the lease still names this claim and this term (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The holder's site.
    pub site: Site,
    /// The holder's process.
    pub incarnation: Incarnation,
    /// The fencing token.
    pub term: Term,
}

impl Fence {
    /// Whether a write under this fence may happen while `record` is the lease.
    #[must_use]
    pub fn admits(&self, record: &LeaseRecord) -> bool {
        record.term == self.term && record.holder == Some(Claim { site: self.site, incarnation: self.incarnation })
    }
}

/// The item `LEASE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// Form of the record, [`SCHEMA`].
    pub schema: u32,
    /// Who may speak; none while it is free or offered.
    pub holder: Option<Claim>,
    /// The fencing token of the last holder.
    pub term: Term,
    /// New at every write.
    pub version: Version,
    /// The site this free lease is kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Site>,
    /// The time to live that the writer's policy had, ms. Readers use their own policy; a difference is worth an alarm.
    pub ttl_ms: u64,
    /// The writer's wall clock: a hint for people.
    pub wall_hint: WallClock,
    /// The Discord session to resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SavedSession>,
}

impl LeaseRecord {
    /// What `init` writes: no holder, term 0.
    #[must_use]
    pub fn initial(version: Version, ttl: Duration, wall_hint: WallClock) -> Self {
        Self {
            schema: SCHEMA,
            holder: None,
            term: Term(0),
            version,
            offer: None,
            ttl_ms: millis(ttl),
            wall_hint,
            session: None,
        }
    }

    /// The fence of the present holder.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        self.holder.map(|claim| Fence { site: claim.site, incarnation: claim.incarnation, term: self.term })
    }
}

/// An operation on the lease, with all it needs. `version` is the new version it tries to write: the mark by which an
/// unanswered write is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum LeaseOp {
    /// Take a lease that has no holder and is offered to nobody or to me.
    AcquireFree {
        /// Who takes it.
        claim: Claim,
        /// The version that was read.
        expected: Version,
        /// The version to write.
        version: Version,
        /// The writer's ttl, ms.
        ttl_ms: u64,
        /// The writer's wall clock.
        wall_hint: WallClock,
    },
    /// Take a lease whose version was seen unchanged for `ttl` on the taker's own clock. The waiting is the taker's
    /// duty ([`crate::holder`]); the store holds the condition.
    AcquireStale {
        /// Who takes it.
        claim: Claim,
        /// The version that was seen unchanged.
        expected: Version,
        /// The version to write.
        version: Version,
        /// The writer's ttl, ms.
        ttl_ms: u64,
        /// The writer's wall clock.
        wall_hint: WallClock,
    },
    /// Keep the lease and save the session.
    Renew {
        /// The holder's fence.
        fence: Fence,
        /// The version of my last write.
        expected: Version,
        /// The version to write.
        version: Version,
        /// The writer's ttl, ms.
        ttl_ms: u64,
        /// The writer's wall clock.
        wall_hint: WallClock,
        /// The session as of now; none leaves the saved one.
        session: Option<SavedSession>,
    },
    /// Give the lease up in favour of a site, after the gateway is closed and sends are drained.
    Offer {
        /// The holder's fence.
        fence: Fence,
        /// The version of my last write.
        expected: Version,
        /// The version to write.
        version: Version,
        /// Who shall take it.
        to: Site,
        /// The writer's wall clock.
        wall_hint: WallClock,
        /// The session as of now; none leaves the saved one.
        session: Option<SavedSession>,
    },
    /// Give the lease up for anybody.
    Release {
        /// The holder's fence.
        fence: Fence,
        /// The version of my last write.
        expected: Version,
        /// The version to write.
        version: Version,
        /// The writer's wall clock.
        wall_hint: WallClock,
        /// The session as of now; none leaves the saved one.
        session: Option<SavedSession>,
    },
}

/// Why an operation did not happen, with the record as it is (`ReturnValuesOnConditionCheckFailure=ALL_OLD`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Which condition failed.
    pub reason: RefusalReason,
    /// The record that is there.
    pub current: Box<LeaseRecord>,
}

/// The condition that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The record is no longer the one that was read.
    #[error("the lease changed since it was read")]
    VersionMoved,
    /// A free lease was expected.
    #[error("the lease is held")]
    Held,
    /// The lease is kept for the other site.
    #[error("the lease is offered to the other site")]
    OfferedElsewhere,
    /// The holder, incarnation or term is not the writer's.
    #[error("the lease is not held under this term")]
    NotHolder,
}

impl LeaseOp {
    /// The version this operation tries to write.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Self::AcquireFree { version, .. }
            | Self::AcquireStale { version, .. }
            | Self::Renew { version, .. }
            | Self::Offer { version, .. }
            | Self::Release { version, .. } => *version,
        }
    }

    /// Whether success makes the writer the holder of a new term.
    #[must_use]
    pub const fn acquires(&self) -> bool {
        match self {
            Self::AcquireFree { .. } | Self::AcquireStale { .. } => true,
            Self::Renew { .. } | Self::Offer { .. } | Self::Release { .. } => false,
        }
    }

    /// The record after this operation.
    ///
    /// # Errors
    /// A [`Refusal`] if the condition of the operation (protocol, operations) does not hold for `current`.
    pub fn apply(&self, current: &LeaseRecord) -> Result<LeaseRecord, Refusal> {
        self.check(current).map_err(|reason| Refusal { reason, current: Box::new(current.clone()) })?;
        Ok(self.effect(current))
    }

    fn check(&self, current: &LeaseRecord) -> Result<(), RefusalReason> {
        match self {
            Self::AcquireFree { claim, expected, .. } => {
                if current.holder.is_some() {
                    Err(RefusalReason::Held)
                } else if current.offer.is_some_and(|to| to != claim.site) {
                    Err(RefusalReason::OfferedElsewhere)
                } else {
                    require(current.version == *expected, RefusalReason::VersionMoved)
                }
            }
            Self::AcquireStale { expected, .. } => require(current.version == *expected, RefusalReason::VersionMoved),
            Self::Renew { fence, expected, .. }
            | Self::Offer { fence, expected, .. }
            | Self::Release { fence, expected, .. } => {
                require(fence.admits(current), RefusalReason::NotHolder)?;
                require(current.version == *expected, RefusalReason::VersionMoved)
            }
        }
    }

    fn effect(&self, current: &LeaseRecord) -> LeaseRecord {
        let keep = |session: &Option<SavedSession>| session.clone().or_else(|| current.session.clone());
        match self {
            Self::AcquireFree { claim, version, ttl_ms, wall_hint, .. }
            | Self::AcquireStale { claim, version, ttl_ms, wall_hint, .. } => LeaseRecord {
                schema: SCHEMA,
                holder: Some(*claim),
                term: current.term.next(),
                version: *version,
                offer: None,
                ttl_ms: *ttl_ms,
                wall_hint: *wall_hint,
                session: current.session.clone(),
            },
            Self::Renew { version, ttl_ms, wall_hint, session, .. } => LeaseRecord {
                schema: SCHEMA,
                holder: current.holder,
                term: current.term,
                version: *version,
                offer: None,
                ttl_ms: *ttl_ms,
                wall_hint: *wall_hint,
                session: keep(session),
            },
            Self::Offer { version, to, wall_hint, session, .. } => LeaseRecord {
                schema: SCHEMA,
                holder: None,
                term: current.term,
                version: *version,
                offer: Some(*to),
                ttl_ms: current.ttl_ms,
                wall_hint: *wall_hint,
                session: keep(session),
            },
            Self::Release { version, wall_hint, session, .. } => LeaseRecord {
                schema: SCHEMA,
                holder: None,
                term: current.term,
                version: *version,
                offer: None,
                ttl_ms: current.ttl_ms,
                wall_hint: *wall_hint,
                session: keep(session),
            },
        }
    }

    /// Whether `current` is the record that this very operation wrote: a refused or unanswered write whose version is
    /// there *was* mine (protocol, ambiguous answers).
    #[must_use]
    pub fn is_mine(&self, current: &LeaseRecord) -> bool {
        current.version == self.version()
    }
}

fn require(holds: bool, otherwise: RefusalReason) -> Result<(), RefusalReason> {
    if holds { Ok(()) } else { Err(otherwise) }
}
