//! What the watchdog sees in one look, reduced to the words of the protocol's tables. "Could not look" is a value here,
//! never an early return.

use serde::{Deserialize, Serialize};

use crate::ids::Site;
use crate::records::ControlMode;

/// The lease as the watchdog sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseSight {
    /// Held, and its version changed within `confirm_after`.
    Fresh(Site),
    /// Held, but unchanged for `confirm_after`.
    Stale {
        /// The holder.
        site: Site,
        /// Whether it is unchanged for the whole `ttl`.
        expired: bool,
    },
    /// Free and kept for a site.
    Offer(Site),
    /// Free for all.
    Free {
        /// Whether it has been free for `free_grace`.
        lingers: bool,
    },
    /// The item is not there.
    Missing,
    /// The store could not be read.
    Unreadable,
}

impl LeaseSight {
    /// Every value.
    pub const ALL: [Self; 12] = [
        Self::Fresh(Site::Laptop),
        Self::Fresh(Site::Cloud),
        Self::Stale { site: Site::Laptop, expired: false },
        Self::Stale { site: Site::Laptop, expired: true },
        Self::Stale { site: Site::Cloud, expired: false },
        Self::Stale { site: Site::Cloud, expired: true },
        Self::Offer(Site::Laptop),
        Self::Offer(Site::Cloud),
        Self::Free { lingers: false },
        Self::Free { lingers: true },
        Self::Missing,
        Self::Unreadable,
    ];
}

/// At which stage a probe failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The name did not resolve.
    #[error("the name does not resolve")]
    Dns,
    /// No connection.
    #[error("no connection")]
    Tcp,
    /// No trusted TLS session.
    #[error("no trusted TLS session")]
    Tls,
    /// Too slow.
    #[error("timed out")]
    Timeout,
    /// An HTTP status that is not the health server's.
    #[error("status {0}")]
    Status(u16),
    /// Not the body of a health answer, or a stale one.
    #[error("not a health answer")]
    Body,
}

/// The laptop's public health as the watchdog sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeSight {
    /// Signed, connected and holder.
    Ok,
    /// Signed, but not serving.
    Degraded,
    /// No health answer.
    Unreachable(Failure),
    /// An answer with a wrong signature: counts as unreachable and raises a security alert.
    Forged,
}

impl ProbeSight {
    /// Every value, with one failure for each stage.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Degraded,
        Self::Unreachable(Failure::Dns),
        Self::Unreachable(Failure::Tcp),
        Self::Unreachable(Failure::Tls),
        Self::Unreachable(Failure::Timeout),
        Self::Unreachable(Failure::Status(502)),
        Self::Unreachable(Failure::Body),
        Self::Forged,
    ];

    /// A short name for timelines and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Unreachable(Failure::Dns) => "dns",
            Self::Unreachable(Failure::Tcp) => "tcp",
            Self::Unreachable(Failure::Tls) => "tls",
            Self::Unreachable(Failure::Timeout) => "timeout",
            Self::Unreachable(Failure::Status(_)) => "status",
            Self::Unreachable(Failure::Body) => "body",
            Self::Forged => "forged",
        }
    }
}

/// What earlier looks contribute, each as a yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// `confirm_probes` probes in a row were not ok.
    pub confirmed: bool,
    /// Twice `confirm_probes` in a row were not ok: longer than the lease of a holder that died with them looks fresh.
    pub unreached_long: bool,
    /// `confirm_probes` probes in a row were ok (used by probe-only alone).
    pub settled: bool,
    /// The laptop has been degraded for `degraded_grace`.
    pub degraded_long: bool,
    /// Two renewals of the laptop's present term were seen.
    pub laptop_renewed_twice: bool,
    /// The standby has run for `min_cloud_run`.
    pub min_run_passed: bool,
    /// The standby has run for `recycle_after` while nobody held a fresh lease.
    pub leaseless_long: bool,
    /// The last recycling is `recycle_every` ago.
    pub may_recycle: bool,
    /// Flips reached `flips_to_park`.
    pub parked: bool,
}

/// One look, reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The lease.
    pub lease: LeaseSight,
    /// The probe.
    pub probe: ProbeSight,
    /// The operator's wish in force.
    pub control: ControlMode,
    /// What earlier looks add.
    pub history: History,
}
