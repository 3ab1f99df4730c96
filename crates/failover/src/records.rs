//! The other records that two processes share: the handback request, the operator's control, the history of failovers.

use serde::{Deserialize, Serialize};

use crate::ids::{Incarnation, Site, Term, Version};
use crate::lease::LeaseRecord;
use crate::timestamp::WallClock;

/// The item `HANDBACK`: a site that should have the lease asks for it. Re-written with a new version at every
/// `renew_every` while the wish lasts, so that the holder sees on its own clock that the asker still lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandbackRecord {
    /// Form of the record.
    pub schema: u32,
    /// Who asks.
    pub site: Site,
    /// Which process asks.
    pub incarnation: Incarnation,
    /// New at every write.
    pub version: Version,
    /// For how long the asker has been stable, ms on its own clock.
    pub stable_ms: u64,
    /// The asker's wall clock: a hint for people.
    pub wall_hint: WallClock,
}

/// What the operator (or the hand-over agent) wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlMode {
    /// The protocol decides.
    Auto,
    /// The cloud shall run and hold the lease.
    ForceCloud,
    /// The laptop shall hold the lease; the cloud is switched off only when it does.
    ForceLaptop,
    /// Nothing is switched until the end time.
    Maintenance,
}

impl ControlMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Auto, Self::ForceCloud, Self::ForceLaptop, Self::Maintenance];

    /// The name in records, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::ForceCloud => "force-cloud",
            Self::ForceLaptop => "force-laptop",
            Self::Maintenance => "maintenance",
        }
    }

    /// The site that may ask for the lease while its peer holds it, given the policy's preference.
    #[must_use]
    pub const fn entitled(self, preferred: Site) -> Option<Site> {
        match self {
            Self::Auto => Some(preferred),
            Self::ForceCloud => Some(Site::Cloud),
            Self::ForceLaptop => Some(Site::Laptop),
            Self::Maintenance => None,
        }
    }
}

/// The item `CONTROL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// Form of the record.
    pub schema: u32,
    /// What is wanted.
    pub mode: ControlMode,
    /// Until when, on the wall clock; the only wall-clock end in the protocol, since it bounds a wish of people and
    /// decides about preference and power, never about safety.
    pub until: WallClock,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
    /// The Discord user who asked for it through the bot; none if it came another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<u64>,
}

impl ControlRecord {
    /// The mode in force at `wall`.
    #[must_use]
    pub fn mode_at(record: Option<&Self>, wall: WallClock) -> ControlMode {
        match record {
            Some(record) if wall < record.until => record.mode,
            Some(_) | None => ControlMode::Auto,
        }
    }
}

/// What a site reads in one look: all that bears on who may speak.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Board {
    /// The lease; none means the item is *missing*: an alarm, never a reset.
    pub lease: Option<LeaseRecord>,
    /// The pending request, if any.
    pub handback: Option<HandbackRecord>,
    /// The operator's wish, if any.
    pub control: Option<ControlRecord>,
}

/// What happened to the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The holder took over from a peer or predecessor that fell silent.
    TakenOver,
    /// The holder accepted an offer, or a lease that was released in order.
    HandedOver,
}

/// An item `EVENT#…`: one entry of the failover history, appended by the holder under its fence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Form of the record.
    pub schema: u32,
    /// What happened.
    pub kind: EventKind,
    /// Who holds the lease since.
    pub site: Site,
    /// Under which term.
    pub term: Term,
    /// When, by the writer's wall clock.
    pub at: WallClock,
}
