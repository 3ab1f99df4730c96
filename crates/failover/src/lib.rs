//! The failover protocol of Relais as pure functions (docs/protocol.md is the law, this crate is its text in Rust).
//!
//! Events and records go in, records and commands come out. Deliberately absent: a clock (time is an argument,
//! [`Timestamp`]), randomness (the shell gives a seed), I/O, async, logging. Tools hold that line: `clippy.toml` of this
//! crate bans the types, the gate reads `cargo tree`.
//!
//! Reading order: the words ([`ids`], [`timestamp`]), the numbers ([`policy`]), the records ([`lease`], [`records`],
//! [`wire`]), the site's side ([`holder`]), the watchdog's side ([`watch`], [`sighting`], [`decide`], [`act`],
//! [`damping`]), the signed answer between health server and prober ([`health`]).

pub mod ids;
pub mod timestamp;

pub mod policy;

pub mod lease;
pub mod records;
pub mod wire;

pub mod holder;

pub mod act;
pub mod damping;
pub mod decide;
pub mod sighting;
pub mod watch;

pub mod health;

pub use holder::{Command, Event, FenceReason, Holder, Node, Role, WriteOutcome};
pub use ids::{Incarnation, Site, Term, Version};
pub use lease::{Claim, Fence, LeaseOp, LeaseRecord, Refusal, RefusalReason, SavedSession};
pub use policy::{Mode, Policy, PolicyError};
pub use records::{Board, ControlMode, ControlRecord, EventKind, EventRecord, HandbackRecord};
pub use timestamp::{Timestamp, WallClock};
pub use watch::WatchRecord;
