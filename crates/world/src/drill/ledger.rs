//! What the store itself wrote down: who was granted which term when, who renewed when.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use relais_failover::decide::Alert;
use relais_failover::{LeaseRecord, Site, Term};
use relais_host::clock;
use relais_store::served::Observed;

use crate::pace::Pace;
use crate::report::measure::Grant;
use crate::report::{Mark, MarkKind};

/// One write of the lease.
#[derive(Debug, Clone)]
pub(super) struct LeaseWrite {
    /// Protocol ms since the scene began.
    pub(super) at_ms: u64,
    /// The record as written.
    pub(super) record: LeaseRecord,
}

/// The store's and the watchdog's own notes of one scene.
#[derive(Debug)]
pub(super) struct Ledger {
    began: u64,
    pace: Pace,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    writes: Vec<LeaseWrite>,
    alerts: BTreeSet<Alert>,
    marks: Vec<Mark>,
}

impl Ledger {
    pub(super) fn new(began: u64, pace: Pace) -> Self {
        Self { began, pace, notes: Mutex::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Protocol milliseconds since the scene began.
    pub(super) fn now_ms(&self) -> u64 {
        let real = Duration::from_millis(clock::now().as_millis().saturating_sub(self.began));
        u64::try_from(self.pace.protocol(real).as_millis()).unwrap_or(u64::MAX)
    }

    /// The store did this.
    pub(super) fn note(&self, observed: &Observed) {
        match observed {
            Observed::Initialised { record }
            | Observed::Granted { record }
            | Observed::Renewed { record }
            | Observed::GivenUp { record } => self.lease_written(record, self.now_ms()),
            Observed::Refused { .. } | Observed::Committed { .. } | Observed::Fenced { .. } => {}
        }
    }

    /// The lease stands so since this moment at the earliest, as read from a store that tells nobody what is done to it.
    pub(super) fn read(&self, record: &LeaseRecord, since_ms: u64) {
        if self.notes().writes.last().is_none_or(|write| write.record.version != record.version) {
            self.lease_written(record, since_ms);
        }
    }

    fn lease_written(&self, record: &LeaseRecord, at_ms: u64) {
        let mut notes = self.notes();
        let before = notes.writes.last().map(|write| (write.record.term, write.record.holder, write.record.offer));
        if before != Some((record.term, record.holder, record.offer)) {
            let text = match (record.holder, record.offer) {
                (Some(claim), _) => format!("{} holds term {}", claim.site, record.term),
                (None, Some(to)) => format!("term {} given up, offered to {to}", record.term),
                (None, None) => format!("term {} released", record.term),
            };
            notes.marks.push(Mark { at_ms, kind: MarkKind::Lease, text });
        }
        notes.writes.push(LeaseWrite { at_ms, record: record.clone() });
    }

    /// The watchdog raised these.
    pub(super) fn alerted(&self, alerts: &[Alert]) {
        let at_ms = self.now_ms();
        let mut notes = self.notes();
        for alert in alerts {
            notes.alerts.insert(*alert);
            notes.marks.push(Mark { at_ms, kind: MarkKind::Watchdog, text: format!("alert: {alert}") });
        }
    }

    /// The watchdog did this.
    pub(super) fn switched(&self, text: String) {
        let at_ms = self.now_ms();
        self.notes().marks.push(Mark { at_ms, kind: MarkKind::Watchdog, text });
    }

    pub(super) fn alerts(&self) -> BTreeSet<Alert> {
        self.notes().alerts.clone()
    }

    pub(super) fn marks(&self) -> Vec<Mark> {
        self.notes().marks.clone()
    }

    pub(super) fn writes(&self) -> Vec<LeaseWrite> {
        self.notes().writes.clone()
    }

    /// The terms granted, in order.
    pub(super) fn grants(&self) -> Vec<Grant> {
        let mut newest = Term(0);
        let mut grants = Vec::new();
        for write in &self.notes().writes {
            if let Some(claim) = write.record.holder.filter(|_| write.record.term > newest) {
                newest = write.record.term;
                grants.push(Grant { at_ms: write.at_ms, site: claim.site, term: newest.0 });
            }
        }
        grants
    }

    /// Renewals (not acquisitions) of the term that `site` held at `at_ms`, before it.
    pub(super) fn renewals_before(&self, site: Site, at_ms: u64) -> usize {
        let writes = self.writes();
        let held =
            |write: &&LeaseWrite| write.at_ms < at_ms && write.record.holder.is_some_and(|claim| claim.site == site);
        let Some(last) = writes.iter().rfind(held).map(|write| write.record.term) else { return 0 };
        writes.iter().filter(held).filter(|write| write.record.term == last).count().saturating_sub(1)
    }
}
