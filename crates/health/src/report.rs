//! What the looks mean, pure: facts and numbers in, a report out. The bot's own word is checked against the policy.

use std::time::Duration;

use relais_failover::{
    Policy, Site, WallClock,
    health::{BotFacts, HealthReport},
    wire::SCHEMA,
};

/// What one request saw. "Could not look" is a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// What the bot said of itself; `None` if it gave no readable answer in time.
    pub facts: Option<BotFacts>,
    /// Free space where the state lives, percent of what an unprivileged process may use.
    pub disk_free_percent: Option<u8>,
    /// The wall clock: a hint for people.
    pub wall: WallClock,
}

/// Who answers, and the numbers that facts are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standard {
    /// This site.
    pub site: Site,
    /// This machine's boot.
    pub boot_id: String,
    /// Oldest heartbeat ACK.
    pub ack_max: Duration,
    /// Latest event loop.
    pub lag_max: Duration,
    /// Oldest renewal.
    pub lease_max: Duration,
    /// Least free space, percent.
    pub disk_min: u8,
}

impl Standard {
    /// The standard that a policy sets.
    #[must_use]
    pub fn new(site: Site, boot_id: String, disk_min: u8, policy: &Policy) -> Self {
        Self {
            site,
            boot_id,
            ack_max: policy.pulse_ack_max,
            lag_max: policy.pulse_lag_max,
            lease_max: policy.self_fence,
            disk_min,
        }
    }
}

/// The report: [`HealthReport::ok`] means 200, anything else 503, with at least one reason.
#[must_use]
pub fn report(sight: &Sight, standard: &Standard) -> HealthReport {
    let mut reasons: Vec<&'static str> = Vec::new();
    // Facts of another site's bot say nothing about this one: a wrong address in the settings must not look healthy.
    let facts = sight.facts.as_ref().filter(|facts| facts.site == standard.site);
    match (&sight.facts, facts) {
        (None, _) => reasons.push("bot does not answer"),
        (Some(_), None) => reasons.push("bot of another site answers"),
        (Some(_), Some(facts)) => judge(facts, standard, &mut reasons),
    }
    match sight.disk_free_percent {
        None => reasons.push("disk cannot be read"),
        Some(free) if free < standard.disk_min => reasons.push("disk below minimum"),
        Some(_) => {}
    }
    HealthReport {
        schema: SCHEMA,
        site: standard.site,
        incarnation: facts.map(|facts| facts.incarnation),
        boot_id: standard.boot_id.clone(),
        term: facts.and_then(|facts| facts.term),
        connected: facts.is_some_and(|facts| facts.connected),
        holder: facts.is_some_and(|facts| facts.holder),
        lease_fresh: facts.is_some_and(|facts| fresh(facts, standard)),
        ack_age_ms: facts.and_then(|facts| facts.ack_age_ms),
        disk_free_percent: sight.disk_free_percent.unwrap_or(0),
        reasons: reasons.into_iter().map(str::to_owned).collect(),
        issued_wall: sight.wall,
    }
}

fn judge(facts: &BotFacts, standard: &Standard, reasons: &mut Vec<&'static str>) {
    if !facts.connected {
        reasons.push("gateway not connected");
    }
    match facts.ack_age_ms {
        None => reasons.push("no heartbeat ack"),
        Some(age) if Duration::from_millis(age) > standard.ack_max => reasons.push("heartbeat ack too old"),
        Some(_) => {}
    }
    if Duration::from_millis(facts.loop_lag_ms) > standard.lag_max {
        reasons.push("event loop late");
    }
    if !facts.holder {
        reasons.push("lease not held");
    }
    if !fresh(facts, standard) {
        reasons.push("lease not fresh");
    }
}

fn fresh(facts: &BotFacts, standard: &Standard) -> bool {
    facts.lease_fresh && facts.lease_age_ms.is_some_and(|age| Duration::from_millis(age) < standard.lease_max)
}

#[cfg(test)]
mod tests {
    use relais_failover::{Incarnation, Term};

    use super::*;

    fn standard() -> Standard {
        Standard::new(Site::Laptop, "boot".to_owned(), 5, &Policy::embedded())
    }

    fn facts() -> BotFacts {
        BotFacts {
            schema: SCHEMA,
            site: Site::Laptop,
            incarnation: Incarnation::new(7),
            term: Some(Term(3)),
            connected: true,
            holder: true,
            lease_age_ms: Some(4_000),
            lease_fresh: true,
            ack_age_ms: Some(60_000),
            loop_lag_ms: 2_000,
            role: "active".to_owned(),
        }
    }

    fn seen(facts: Option<BotFacts>, disk: Option<u8>) -> HealthReport {
        report(&Sight { facts, disk_free_percent: disk, wall: WallClock(1) }, &standard())
    }

    fn reasons(change: impl FnOnce(&mut BotFacts)) -> Vec<String> {
        let mut facts = facts();
        change(&mut facts);
        let report = seen(Some(facts), Some(50));
        assert_eq!(report.ok(), report.reasons.is_empty());
        report.reasons
    }

    #[test]
    fn a_serving_holder_is_ok_up_to_the_very_limits() {
        let report = seen(Some(facts()), Some(5));
        assert!(report.ok(), "{:?}", report.reasons);
        assert_eq!((report.term, report.ack_age_ms), (Some(Term(3)), Some(60_000)));
    }

    #[test]
    fn each_fault_has_its_own_reason() {
        assert_eq!(reasons(|facts| facts.connected = false), ["gateway not connected"]);
        assert_eq!(reasons(|facts| facts.ack_age_ms = None), ["no heartbeat ack"]);
        assert_eq!(reasons(|facts| facts.ack_age_ms = Some(60_001)), ["heartbeat ack too old"]);
        assert_eq!(reasons(|facts| facts.loop_lag_ms = 2_001), ["event loop late"]);
        assert_eq!(reasons(|facts| facts.holder = false), ["lease not held"]);
        assert_eq!(reasons(|facts| facts.lease_fresh = false), ["lease not fresh"]);
        assert_eq!(reasons(|facts| facts.site = Site::Cloud), ["bot of another site answers"]);
        assert_eq!(seen(Some(facts()), Some(4)).reasons, ["disk below minimum"]);
        assert_eq!(seen(Some(facts()), None).reasons, ["disk cannot be read"]);
        assert_eq!(seen(None, Some(50)).reasons, ["bot does not answer"]);
    }

    #[test]
    fn the_bots_word_that_its_lease_is_fresh_is_checked() {
        for age in [None, Some(25_000)] {
            let mut facts = facts();
            facts.lease_age_ms = age;
            let report = seen(Some(facts), Some(50));
            assert!(!report.lease_fresh && !report.ok());
            assert_eq!(report.reasons, ["lease not fresh"]);
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let told = reasons(|facts| {
            facts.connected = false;
            facts.holder = false;
            facts.lease_fresh = false;
            facts.ack_age_ms = None;
        });
        assert_eq!(told.len(), 4);
    }

    #[test]
    fn nothing_is_said_of_a_bot_that_was_not_seen() {
        let report = seen(None, None);
        assert_eq!((report.incarnation, report.term, report.ack_age_ms), (None, None, None));
        assert!(!report.connected && !report.holder && !report.lease_fresh);
        assert_eq!(report.disk_free_percent, 0);
    }
}
