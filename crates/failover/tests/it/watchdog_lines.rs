//! Timelines of the watchdog: looks in words to sighting, wish, act, alerts and the next look. What a look does not
//! mention is as it was in the look before.

use std::time::Duration;

use relais_failover::act::{InstanceState, plan};
use relais_failover::decide::desired;
use relais_failover::sighting::{Failure, LeaseSight, ProbeSight};
use relais_failover::watch::{LeaseLook, Look};
use relais_failover::{LeaseRecord, Mode, Policy, Timestamp, Version, WatchRecord};

use super::scenarios::{Lines, record, seconds, wish};

pub(crate) struct WatchdogLines {
    mode: Mode,
    policy: Policy,
    memory: Option<WatchRecord>,
    look: Look,
    lease: Option<LeaseRecord>,
    renewals: u128,
}

impl WatchdogLines {
    pub(crate) fn new(probe_only: bool, policy: &Policy) -> Self {
        Self {
            mode: if probe_only { Mode::ProbeOnly } else { Mode::Lease },
            policy: policy.clone(),
            memory: None,
            look: Look {
                lease: LeaseLook::Missing,
                control: None,
                probe: ProbeSight::Ok,
                instance: Some(InstanceState::Terminated),
                running_for: None,
                flips: 0,
            },
            lease: None,
            renewals: 0,
        }
    }

    fn part(&mut self, words: &str) {
        match words.split_once(' ').unwrap_or((words, "")) {
            ("look", "") => {}
            ("lease", words) => {
                self.lease = match words {
                    "missing" | "unreadable" | "readable" => self.lease.take(),
                    words => Some(record(words)),
                };
                self.look.lease = match (words, &self.lease) {
                    ("unreadable", _) => LeaseLook::Unreadable,
                    ("missing", _) | (_, None) => LeaseLook::Missing,
                    (_, Some(lease)) => LeaseLook::Record(Box::new(lease.clone())),
                };
            }
            ("renewed", "") => {
                self.renewals += 1;
                let lease = self.lease.as_mut().expect("a lease");
                lease.version = Version::new(self.renewals);
                self.look.lease = LeaseLook::Record(Box::new(lease.clone()));
            }
            ("probe", word) => {
                self.look.probe = ProbeSight::ALL
                    .into_iter()
                    .find(|probe| probe.as_str() == word)
                    .unwrap_or(ProbeSight::Unreachable(Failure::Status(word.parse().unwrap_or_default())));
            }
            ("standby", "unseen") => self.look.instance = None,
            ("standby", word) => {
                let found = InstanceState::ALL.into_iter().find(|state| state.as_str() == word);
                self.look.instance = Some(found.unwrap_or_else(|| panic!("not a state: {word}")));
                self.look.running_for = None;
            }
            ("up", word) => self.look.running_for = Some(Duration::from_secs(word.parse().unwrap())),
            ("flips", word) => self.look.flips = word.parse().unwrap(),
            ("wish", words) => self.look.control = wish(words),
            _ => panic!("not a part of a look: {words:?}"),
        }
    }
}

impl Lines for WatchdogLines {
    fn line(&mut self, at: u64, words: &str) -> String {
        let now = Timestamp::from_millis(at);
        for part in words.split("; ") {
            self.part(part);
        }
        let memory = self.memory.get_or_insert_with(|| WatchRecord::new(now));
        let sighting = memory.observe(&self.look, &self.policy, now);
        let verdict = desired(&sighting, self.mode);
        let (action, alerts) = match self.look.instance {
            Some(instance) => {
                let told = plan(&verdict, &sighting, instance, memory.budget(&self.policy), self.mode);
                memory.remember(told.action, &self.policy, now);
                (serde_json::to_value(told.action).unwrap().as_str().unwrap().to_owned(), told.alerts)
            }
            None => ("cannot see it".to_owned(), verdict.alerts.clone()),
        };
        let due = memory.due_alerts(&alerts, &self.policy, now);
        let due: Vec<String> =
            due.iter().map(|alert| serde_json::to_value(alert).unwrap().as_str().unwrap().to_owned()).collect();
        let due = if due.is_empty() { String::new() } else { format!(", ALERT {}", due.join(" and ")) };
        let next = seconds(memory.next_look(&self.policy, now).as_millis() as u64);
        format!("{}: {}, {action}{due} | again in {next}", sight(sighting.lease), verdict.desired.as_str())
    }
}

fn sight(lease: LeaseSight) -> String {
    match lease {
        LeaseSight::Fresh(site) => format!("fresh {site}"),
        LeaseSight::Stale { site, expired: false } => format!("silent {site}"),
        LeaseSight::Stale { site, expired: true } => format!("stale {site}"),
        LeaseSight::Offer(site) => format!("offered to {site}"),
        LeaseSight::Free { lingers: false } => "free".to_owned(),
        LeaseSight::Free { lingers: true } => "free for long".to_owned(),
        LeaseSight::Missing => "missing".to_owned(),
        LeaseSight::Unreadable => "unreadable".to_owned(),
    }
}
