//! Stage 1 of the watchdog: what should the standby be? (protocol, watchdog, stage 1)

use serde::{Deserialize, Serialize};

use crate::ids::Site;
use crate::policy::Mode;
use crate::records::ControlMode;
use crate::sighting::{History, LeaseSight, ProbeSight, Sighting};

/// What the standby should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// Running.
    On,
    /// Not running.
    Off,
    /// As it is.
    Hold,
}

impl Desired {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::On, Self::Off, Self::Hold];

    /// The name used in timelines and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Hold => "hold",
        }
    }
}

/// Something people should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// Lease fresh, probe dead.
    #[error("the laptop's public path is down, the bot is alive")]
    PublicPathDown,
    /// Probe fine, lease stale.
    #[error("the laptop answers, but its lease is stale")]
    HeartbeatGone,
    /// The cloud holds the lease and does not renew.
    #[error("the cloud holds the lease and does not renew it")]
    CloudSilent,
    /// A page: only `init` by a person brings it back.
    #[error("the lease record is missing: nothing is switched until it is restored")]
    LeaseMissing,
    /// The store does not answer.
    #[error("the shared store cannot be read: nothing is switched")]
    StoreUnreadable,
    /// A health answer with a wrong signature.
    #[error("a health answer has a wrong signature: somebody else may be answering for the laptop")]
    Forged,
    /// No start is left today.
    #[error("the standby is needed, but its starts of today are spent")]
    StartsSpent,
    /// No hour is left this month.
    #[error("the standby is needed, but its hours of this month are spent")]
    HoursSpent,
    /// The standby runs and does not take the lease.
    #[error("the standby runs but does not take the lease")]
    StandbySilent,
    /// Too many flips.
    #[error("the bot moved too often: it stays in the cloud for a while")]
    Flapping,
    /// EC2 has no machine of this kind.
    #[error("the standby could not be started: no capacity")]
    NoCapacity,
    /// EC2 refused for rights or limits: a page.
    #[error("the standby could not be switched: the account refuses it")]
    NotAllowed,
    /// EC2 does not answer.
    #[error("the standby could not be looked at or switched")]
    StandbyUnavailable,
}

impl Alert {
    /// Whether a person must act at once.
    #[must_use]
    pub const fn pages(self) -> bool {
        match self {
            Self::LeaseMissing | Self::NotAllowed | Self::Forged | Self::StartsSpent | Self::HoursSpent => true,
            Self::PublicPathDown
            | Self::HeartbeatGone
            | Self::CloudSilent
            | Self::StoreUnreadable
            | Self::StandbySilent
            | Self::Flapping
            | Self::NoCapacity
            | Self::StandbyUnavailable => false,
        }
    }
}

/// The verdict of stage 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What the standby should be.
    pub desired: Desired,
    /// What people should know, in the order of the enum, each once.
    pub alerts: Vec<Alert>,
}

/// Stage 1: total, and the same answer for the same sighting.
#[must_use]
pub fn desired(sighting: &Sighting, mode: Mode) -> Verdict {
    let mut alerts = Vec::new();
    let desired = match sighting.control {
        ControlMode::ForceCloud => Desired::On,
        ControlMode::ForceLaptop => match sighting.lease {
            LeaseSight::Fresh(Site::Laptop) => Desired::Off,
            LeaseSight::Fresh(Site::Cloud)
            | LeaseSight::Stale { .. }
            | LeaseSight::Offer(_)
            | LeaseSight::Free { .. }
            | LeaseSight::Missing
            | LeaseSight::Unreadable => Desired::Hold,
        },
        ControlMode::Maintenance => Desired::Hold,
        ControlMode::Auto => match mode {
            Mode::Lease => by_lease(sighting, &mut alerts),
            Mode::ProbeOnly => by_probe(sighting.probe, sighting.history),
        },
    };
    if mode == Mode::Lease {
        record_alerts(sighting, &mut alerts);
    }
    if sighting.probe == ProbeSight::Forged {
        alerts.push(Alert::Forged);
    }
    alerts.sort_unstable();
    alerts.dedup();
    Verdict { desired, alerts }
}

/// What is worth an alert whatever the operator wants.
fn record_alerts(sighting: &Sighting, alerts: &mut Vec<Alert>) {
    match sighting.lease {
        LeaseSight::Missing => alerts.push(Alert::LeaseMissing),
        LeaseSight::Unreadable => alerts.push(Alert::StoreUnreadable),
        LeaseSight::Fresh(Site::Cloud) if sighting.history.parked => alerts.push(Alert::Flapping),
        LeaseSight::Fresh(_) | LeaseSight::Stale { .. } | LeaseSight::Offer(_) | LeaseSight::Free { .. } => {}
    }
}

/// The table of the protocol, row by row.
fn by_lease(sighting: &Sighting, alerts: &mut Vec<Alert>) -> Desired {
    let history = sighting.history;
    match (sighting.lease, sighting.probe) {
        (LeaseSight::Fresh(Site::Laptop), ProbeSight::Ok) => Desired::Off,
        (LeaseSight::Fresh(Site::Laptop), ProbeSight::Degraded) => on_if(history.degraded_long),
        (LeaseSight::Fresh(Site::Laptop), ProbeSight::Unreachable(_) | ProbeSight::Forged) => {
            // Sooner, and every crash would begin with this alert: the lease is fresh for a while then.
            if history.unreached_long {
                alerts.push(Alert::PublicPathDown);
            }
            Desired::Off
        }
        (LeaseSight::Fresh(Site::Cloud) | LeaseSight::Offer(_), _) => Desired::On,
        (LeaseSight::Free { lingers }, ProbeSight::Ok) => on_if(lingers),
        (LeaseSight::Free { .. }, ProbeSight::Degraded | ProbeSight::Unreachable(_) | ProbeSight::Forged) => {
            Desired::On
        }
        (LeaseSight::Stale { site: Site::Laptop, expired }, ProbeSight::Ok) => {
            if expired {
                alerts.push(Alert::HeartbeatGone);
            }
            on_if(expired)
        }
        (
            LeaseSight::Stale { site: Site::Laptop, .. },
            ProbeSight::Degraded | ProbeSight::Unreachable(_) | ProbeSight::Forged,
        ) => on_if(history.confirmed),
        (LeaseSight::Stale { site: Site::Cloud, .. }, probe) => {
            alerts.push(Alert::CloudSilent);
            on_if(probe != ProbeSight::Ok)
        }
        (LeaseSight::Missing | LeaseSight::Unreadable, _) => Desired::Hold,
    }
}

/// The source design: no shared store, the probe alone decides.
const fn by_probe(probe: ProbeSight, history: History) -> Desired {
    match probe {
        ProbeSight::Unreachable(_) | ProbeSight::Forged if history.confirmed => Desired::On,
        ProbeSight::Ok if history.settled => Desired::Off,
        ProbeSight::Ok | ProbeSight::Degraded | ProbeSight::Unreachable(_) | ProbeSight::Forged => Desired::Hold,
    }
}

const fn on_if(yes: bool) -> Desired {
    if yes { Desired::On } else { Desired::Hold }
}
