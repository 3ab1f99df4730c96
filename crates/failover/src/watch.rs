//! The watchdog's memory between looks, and how a look and the memory become a [`Sighting`].
//!
//! Times here are of the watchdog's own clock. A Lambda has no clock of its own that survives a cold start, so its shell
//! gives Unix time: good enough, because the watchdog decides about power, never about safety.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::act::{Action, Budget, InstanceState};
use crate::damping::{DAY, parked};
use crate::decide::Alert;
use crate::ids::{Site, Term, Version};
use crate::lease::{Claim, LeaseRecord};
use crate::policy::Policy;
use crate::records::{ControlMode, ControlRecord};
use crate::sighting::{History, LeaseSight, ProbeSight, Sighting};
use crate::timestamp::{Timestamp, WallClock, millis};
use crate::wire::SCHEMA;

/// The item `WATCH`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchRecord {
    /// Form of the record.
    pub schema: u32,
    /// +1 at every write, for optimistic locking: of two overlapping ticks one is refused and does nothing more.
    pub revision: u64,
    /// When the last look was.
    pub last_look: Timestamp,
    /// The lease's version at the last readable look.
    #[serde(default)]
    pub version: Option<Version>,
    /// First sight of that version.
    pub version_since: Timestamp,
    /// The laptop's claim and term whose renewals are counted.
    #[serde(default)]
    pub laptop_term: Option<(Claim, Term)>,
    /// Changes of version seen under that claim and term.
    pub laptop_renewals: u32,
    /// Probes in a row that were not ok.
    pub failed_probes: u32,
    /// Probes in a row that were ok.
    pub ok_probes: u32,
    /// Since when probes say degraded.
    #[serde(default)]
    pub degraded_since: Option<Timestamp>,
    /// Since when the lease is free.
    #[serde(default)]
    pub free_since: Option<Timestamp>,
    /// First sight of the standby running.
    #[serde(default)]
    pub running_since: Option<Timestamp>,
    /// Since when the standby runs and nobody holds a fresh lease.
    #[serde(default)]
    pub leaseless_since: Option<Timestamp>,
    /// The last recycling.
    #[serde(default)]
    pub recycled_at: Option<Timestamp>,
    /// Starts of the last 24 h.
    #[serde(default)]
    pub starts: Vec<Timestamp>,
    /// The month that `cloud_ms` counts, in months since 1970-01.
    pub month: u32,
    /// Standby time in that month, ms.
    pub cloud_ms: u64,
    /// When each alert was last sent.
    #[serde(default)]
    pub alerted: BTreeMap<Alert, Timestamp>,
}

/// The lease as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseLook {
    /// A record.
    Record(Box<LeaseRecord>),
    /// The item is not there.
    Missing,
    /// The store did not answer.
    Unreadable,
}

/// All that one look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The lease.
    pub lease: LeaseLook,
    /// The operator's wish.
    pub control: Option<ControlRecord>,
    /// The probe.
    pub probe: ProbeSight,
    /// The standby; none if it could not be looked at.
    pub instance: Option<InstanceState>,
    /// How long it has run by EC2's own word, if it runs.
    pub running_for: Option<Duration>,
    /// Unplanned moves in the window.
    pub flips: u32,
}

impl WatchRecord {
    /// A memory that has seen nothing.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            revision: 0,
            last_look: now,
            version: None,
            version_since: now,
            laptop_term: None,
            laptop_renewals: 0,
            failed_probes: 0,
            ok_probes: 0,
            degraded_since: None,
            free_since: None,
            running_since: None,
            leaseless_since: None,
            recycled_at: None,
            starts: Vec::new(),
            month: 0,
            cloud_ms: 0,
            alerted: BTreeMap::new(),
        }
    }

    /// Takes a look in and reduces it. The memory after it is what the next look builds on.
    pub fn observe(&mut self, look: &Look, policy: &Policy, now: Timestamp) -> Sighting {
        self.observe_probe(look.probe, now);
        let lease = self.observe_lease(&look.lease, policy, now);
        self.observe_instance(look, lease, policy, now);
        self.last_look = now;
        let aged = |since: Option<Timestamp>, span| since.is_some_and(|since| now.since(since) >= span);
        Sighting {
            lease,
            probe: look.probe,
            control: match &look.lease {
                // Wishes live in the same store: unreadable means unknown, and then nothing is forced.
                LeaseLook::Unreadable => ControlMode::Auto,
                LeaseLook::Record(_) | LeaseLook::Missing => {
                    ControlRecord::mode_at(look.control.as_ref(), WallClock(now.as_millis()))
                }
            },
            history: History {
                confirmed: self.failed_probes >= policy.confirm_probes,
                unreached_long: self.failed_probes >= policy.confirm_probes.saturating_mul(2),
                settled: self.ok_probes >= policy.confirm_probes,
                degraded_long: aged(self.degraded_since, policy.degraded_grace),
                laptop_renewed_twice: self.laptop_renewals >= 2,
                min_run_passed: aged(self.running_since, policy.min_cloud_run)
                    || look.running_for.is_some_and(|span| span >= policy.min_cloud_run),
                leaseless_long: aged(self.leaseless_since, policy.recycle_after),
                may_recycle: self.recycled_at.is_none_or(|at| now.since(at) >= policy.recycle_every),
                parked: parked(look.flips, policy),
            },
        }
    }

    fn observe_probe(&mut self, probe: ProbeSight, now: Timestamp) {
        match probe {
            ProbeSight::Ok => {
                self.ok_probes = self.ok_probes.saturating_add(1);
                self.failed_probes = 0;
                self.degraded_since = None;
            }
            ProbeSight::Degraded => {
                self.ok_probes = 0;
                self.failed_probes = self.failed_probes.saturating_add(1);
                self.degraded_since.get_or_insert(now);
            }
            ProbeSight::Unreachable(_) | ProbeSight::Forged => {
                self.ok_probes = 0;
                self.failed_probes = self.failed_probes.saturating_add(1);
                self.degraded_since = None;
            }
        }
    }

    fn observe_lease(&mut self, look: &LeaseLook, policy: &Policy, now: Timestamp) -> LeaseSight {
        let record = match look {
            LeaseLook::Unreadable => return LeaseSight::Unreadable,
            LeaseLook::Missing => {
                self.version = None;
                self.forget_laptop();
                self.free_since = None;
                return LeaseSight::Missing;
            }
            LeaseLook::Record(record) => record,
        };
        let changed = self.version != Some(record.version);
        if changed {
            self.version = Some(record.version);
            self.version_since = now;
        }
        self.count_renewals(record, changed);
        let Some(claim) = record.holder else {
            let since = *self.free_since.get_or_insert(now);
            return match record.offer {
                Some(to) => LeaseSight::Offer(to),
                None => LeaseSight::Free { lingers: now.since(since) >= policy.free_grace },
            };
        };
        self.free_since = None;
        let age = now.since(self.version_since);
        if age < policy.confirm_after {
            LeaseSight::Fresh(claim.site)
        } else {
            LeaseSight::Stale { site: claim.site, expired: age >= policy.ttl }
        }
    }

    /// A renewal is a change of version under a claim and term that was already known: the acquisition is none.
    fn count_renewals(&mut self, record: &LeaseRecord, changed: bool) {
        match record.holder.filter(|claim| claim.site == Site::Laptop) {
            None => self.forget_laptop(),
            Some(claim) if self.laptop_term == Some((claim, record.term)) => {
                self.laptop_renewals = self.laptop_renewals.saturating_add(u32::from(changed));
            }
            Some(claim) => {
                self.laptop_term = Some((claim, record.term));
                self.laptop_renewals = 0;
            }
        }
    }

    fn forget_laptop(&mut self) {
        self.laptop_term = None;
        self.laptop_renewals = 0;
    }

    fn observe_instance(&mut self, look: &Look, lease: LeaseSight, policy: &Policy, now: Timestamp) {
        self.forget_past(now);
        let Some(instance) = look.instance else { return };
        if instance != InstanceState::Running {
            self.running_since = None;
            self.leaseless_since = None;
            return;
        }
        if self.running_since.is_some() {
            // A gap in the looks counts as run time, but not beyond what one missed minute or two can be.
            let elapsed = now.since(self.last_look).min(policy.passes * 10);
            self.cloud_ms = self.cloud_ms.saturating_add(millis(elapsed));
        }
        self.running_since.get_or_insert(now);
        match lease {
            LeaseSight::Fresh(_) | LeaseSight::Offer(_) | LeaseSight::Missing | LeaseSight::Unreadable => {
                self.leaseless_since = None;
            }
            LeaseSight::Stale { .. } | LeaseSight::Free { .. } => {
                self.leaseless_since.get_or_insert(now);
            }
        }
    }

    /// Forgets what no budget counts any more at `now`: starts of more than a day ago, standby time of another month.
    pub fn forget_past(&mut self, now: Timestamp) {
        let month = month_of(now);
        if month != self.month {
            self.month = month;
            self.cloud_ms = 0;
        }
        self.starts.retain(|start| now.since(*start) < DAY);
    }

    /// What is left of the budgets.
    #[must_use]
    pub fn budget(&self, policy: &Policy) -> Budget {
        if millis(policy.cloud_ms_per_month) <= self.cloud_ms {
            Budget::HoursSpent
        } else if self.starts.len() >= policy.starts_per_day as usize {
            Budget::StartsSpent
        } else {
            Budget::Left
        }
    }

    /// Writes an act down *before* it is done: a tick that dies between the two has spent a start, never doubled one.
    ///
    /// A start that was written down within `passes` is still open: a tick that does not see its machine yet (it looked
    /// too early, or the tick that wrote it died) sends *the same* start again, with the same token.
    pub fn remember(&mut self, action: Action, policy: &Policy, now: Timestamp) {
        match action {
            Action::Launch | Action::Start => {
                if self.starts.last().is_none_or(|start| now.since(*start) >= policy.passes) {
                    self.starts.push(now);
                }
            }
            Action::Recycle => self.recycled_at = Some(now),
            Action::Nothing | Action::Wait | Action::Stop => {}
        }
    }

    /// The idempotent token of the start that was remembered last.
    #[must_use]
    pub fn start_token(&self) -> String {
        format!("relais-{}", self.starts.last().copied().unwrap_or_default().as_millis())
    }

    /// Takes the [`WatchRecord::remember`] of the last look back for an act that was tried without success: no start was spent.
    pub fn not_done(&mut self, action: Action) {
        match action {
            // A start that an earlier look wrote down was spent then: this one only repeated it.
            Action::Launch | Action::Start => {
                self.starts.pop_if(|start| *start == self.last_look);
            }
            Action::Recycle => self.recycled_at = None,
            Action::Nothing | Action::Wait | Action::Stop => {}
        }
    }

    /// The alerts that are due now, each at most once in `alert_every`; they count as sent.
    pub fn due_alerts(&mut self, alerts: &[Alert], policy: &Policy, now: Timestamp) -> Vec<Alert> {
        let due: Vec<Alert> = alerts
            .iter()
            .copied()
            .filter(|alert| self.alerted.get(alert).is_none_or(|at| now.since(*at) >= policy.alert_every))
            .collect();
        for alert in &due {
            self.alerted.insert(*alert, now);
        }
        due
    }

    /// How long until the next look: the quicker pace while a failure waits for its confirmation.
    #[must_use]
    pub fn next_look(&self, policy: &Policy, now: Timestamp) -> Duration {
        let quiet = now.since(self.version_since) >= policy.renew_every * 2;
        let recent = self.failed_probes > 0 && self.failed_probes <= policy.confirm_probes * 4;
        if recent || (quiet && self.failed_probes > 0) { policy.confirm_probe_every } else { policy.probe_every }
    }
}

/// Months since 1970-01 of a Unix time (the civil-from-days algorithm, proleptic Gregorian calendar).
fn month_of(now: Timestamp) -> u32 {
    let days = now.as_millis() / 86_400_000 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    u32::try_from((year - 1970) * 12 + month - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_the_calendar() {
        let day = 86_400_000;
        for (days, month) in [(0, 0), (30, 0), (31, 1), (58, 1), (59, 2), (364, 11), (365, 12), (789, 25), (790, 26)] {
            assert_eq!(month_of(Timestamp::from_millis(days * day)), month, "day {days}");
        }
        // 2026-11-23 is day 20780.
        assert_eq!(month_of(Timestamp::from_millis(20_780 * day)), 56 * 12 + 10);
    }

    #[test]
    fn a_start_repeated_in_vain_stays_spent_and_keeps_its_token() {
        let policy = Policy::embedded();
        let mut watch = WatchRecord::new(Timestamp::ORIGIN);
        let at = Timestamp::from_millis;
        watch.last_look = at(1_000);
        watch.remember(Action::Launch, &policy, at(1_000));
        let token = watch.start_token();
        watch.last_look = at(6_000);
        watch.remember(Action::Launch, &policy, at(6_000));
        watch.not_done(Action::Launch);
        assert_eq!((watch.starts.len(), watch.start_token()), (1, token));
        watch.last_look = at(90_000);
        watch.remember(Action::Launch, &policy, at(90_000));
        watch.not_done(Action::Launch);
        assert_eq!(watch.starts.len(), 1);
    }

    #[test]
    fn an_alert_is_repeated_only_after_its_pause() {
        let policy = Policy::embedded();
        let mut watch = WatchRecord::new(Timestamp::ORIGIN);
        let at = Timestamp::from_millis;
        assert_eq!(watch.due_alerts(&[Alert::Forged], &policy, at(0)), [Alert::Forged]);
        assert_eq!(watch.due_alerts(&[Alert::Forged], &policy, at(899_999)), []);
        assert_eq!(watch.due_alerts(&[Alert::Forged], &policy, at(900_000)), [Alert::Forged]);
    }
}
