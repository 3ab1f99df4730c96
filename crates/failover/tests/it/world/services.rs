//! Discord, EC2 and the watchdog of the small world, and what must be true when a run ends.

use std::collections::BTreeMap;
use std::time::Duration;

use relais_failover::act::{Action, InstanceState, plan};
use relais_failover::damping::{DAY, flips};
use relais_failover::decide::desired;
use relais_failover::sighting::{Failure, ProbeSight};
use relais_failover::watch::{LeaseLook, Look};
use relais_failover::{Mode, Site, Timestamp, WatchRecord};

use super::{Design, END, Happening, Millis, QUIET_FROM, World};

/// Delivered messages by nonce.
#[derive(Debug, Default)]
pub(crate) struct Discord {
    shown: BTreeMap<u64, u32>,
}

impl Discord {
    pub(crate) fn post(&mut self, entry: u64, design: Design) -> Option<String> {
        let shown = self.shown.entry(entry).or_default();
        if *shown == 0 || design.no_nonce {
            *shown += 1;
        }
        (*shown > 1).then(|| format!("entry {entry} was shown {shown} times"))
    }
}

pub(crate) struct Standby {
    state: InstanceState,
    running_at: Millis,
    watch: WatchRecord,
    starts: Vec<Millis>,
    recycled: Vec<Millis>,
}

impl Standby {
    pub(crate) fn new() -> Self {
        Self {
            state: InstanceState::Terminated,
            running_at: 0,
            watch: WatchRecord::new(Timestamp::from_millis(1_700_000_000_000)),
            starts: Vec::new(),
            recycled: Vec::new(),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state == InstanceState::Running
    }
}

impl World {
    fn probe(&mut self) -> ProbeSight {
        if self.path_cut_until > self.now || self.asleep(Site::Laptop) {
            return ProbeSight::Unreachable(Failure::Timeout);
        }
        let alive = self.alive(Site::Laptop);
        if alive.is_empty() {
            return ProbeSight::Unreachable(Failure::Status(502));
        }
        if alive.iter().any(|who| self.may_act(*who)) { ProbeSight::Ok } else { ProbeSight::Degraded }
    }

    /// One tick of the watchdog, delivered twice now and then.
    pub(crate) fn look(&mut self) {
        let first = self.tick();
        if self.roll(10) == 0 {
            let second = self.tick();
            if acts(first) && acts(second) {
                self.break_law("S7 Idempotent", &format!("{first:?} and then {second:?} on the same sighting"));
            }
        }
        let now = Timestamp::from_millis(self.wall().0);
        let wait = self.standby.watch.next_look(&self.policy, now).as_millis() as Millis;
        self.after(wait, Happening::Look);
    }

    fn tick(&mut self) -> Action {
        let now = Timestamp::from_millis(self.wall().0);
        let running = self.standby.is_running();
        let lease = if self.roll(25) == 0 {
            LeaseLook::Unreadable
        } else {
            LeaseLook::Record(Box::new(self.store.lease.clone()))
        };
        let look = Look {
            lease,
            control: self.store.control.clone(),
            probe: self.probe(),
            instance: Some(self.standby.state),
            running_for: running.then(|| Duration::from_millis(self.now - self.standby.running_at)),
            flips: flips(&self.history, self.wall(), &self.policy),
        };
        let sighting = self.standby.watch.observe(&look, &self.policy, now);
        let verdict = desired(&sighting, Mode::Lease);
        let budget = self.standby.watch.budget(&self.policy);
        let action = plan(&verdict, &sighting, self.standby.state, budget, Mode::Lease).action;
        self.standby.watch.remember(action, &self.policy, now);
        self.power(action);
        action
    }

    fn power(&mut self, action: Action) {
        match action {
            Action::Nothing | Action::Wait => {}
            Action::Launch | Action::Start => {
                let day = DAY.as_millis() as Millis;
                self.standby.starts.push(self.now);
                let now = self.now;
                let today = self.standby.starts.iter().filter(|at| now - **at < day).count();
                if today > self.policy.starts_per_day as usize {
                    self.break_law("S6 Budget", &format!("{today} starts in a day"));
                }
                if self.standby.state != InstanceState::Terminated && self.standby.state != InstanceState::Stopped {
                    self.break_law("S7 Idempotent", "a start of what is not off");
                }
                self.standby.state = InstanceState::Pending;
                let wait = 8_000 + self.roll(20_000);
                self.after(wait, Happening::PowerStep);
            }
            Action::Stop => {
                self.judge_stop();
                self.switch_off();
            }
            Action::Recycle => {
                let every = self.policy.recycle_every.as_millis() as Millis;
                if self.standby.recycled.last().is_some_and(|at| self.now - at < every) {
                    self.break_law("S6 Budget", "recycled twice within its pause");
                }
                self.standby.recycled.push(self.now);
                self.switch_off();
            }
        }
    }

    fn switch_off(&mut self) {
        self.standby.state = InstanceState::Stopping;
        self.kill(Site::Cloud);
        let wait = 3_000 + self.roll(10_000);
        self.after(wait, Happening::PowerStep);
    }

    /// S5 by what is true in the store, not by what the watchdog saw.
    fn judge_stop(&mut self) {
        let lease = &self.store.lease;
        let laptop = lease.holder.is_some_and(|claim| claim.site == Site::Laptop);
        let fresh = self.now - self.store.written_at <= self.policy.ttl.as_millis() as Millis;
        let ran = self.now - self.standby.running_at >= self.policy.min_cloud_run.as_millis() as Millis;
        if !laptop || self.store.renewals < 2 || !fresh || lease.offer.is_some() || !ran {
            let why = format!("holder {:?}, {} renewals, ran long enough: {ran}", lease.holder, self.store.renewals);
            self.break_law("S5 NeverStopOnlyServer", &why);
        }
    }

    pub(crate) fn power_step(&mut self) {
        match self.standby.state {
            InstanceState::Pending => {
                self.standby.state = InstanceState::Running;
                self.standby.running_at = self.now;
                let wait = 5_000 + self.roll(15_000);
                self.after(wait, Happening::Boot(Site::Cloud));
            }
            InstanceState::Stopping => self.standby.state = InstanceState::Terminated,
            InstanceState::Terminated | InstanceState::Stopped | InstanceState::Running => {}
        }
    }

    /// After a long quiet end: V1 or V2, V3 and V4, and every message was delivered.
    pub(crate) fn judge_end(&mut self) {
        let speaking = |world: &Self, site| world.alive(site).iter().any(|who| world.may_act(*who));
        let wished = self.store.control.as_ref().is_some_and(|record| record.until.0 > self.wall().0);
        self.now = END;
        let home = speaking(self, Site::Laptop);
        let cloud = speaking(self, Site::Cloud);
        if !home && !cloud {
            self.break_law("V4", &format!("nobody speaks; lease {:?}", self.store.lease));
        }
        if self.dies && !cloud {
            self.break_law("V1", "the laptop is dead and the cloud does not speak");
        }
        if !self.dies && !wished && (!home || self.standby.state != InstanceState::Terminated) {
            let why = format!("the laptop is well, speaks: {home}, the standby is {:?}", self.standby.state);
            self.break_law("V2", &why);
        }
        if self.store.lease.offer.is_some() && END - self.store.written_at > 60_000 {
            self.break_law("V3", "an offer was neither accepted nor did it expire");
        }
        let lost = self
            .store
            .outbox
            .iter()
            .filter(|(entry, marks)| !marks.is_empty() && !self.discord.shown.contains_key(entry))
            .count();
        if lost > 0 {
            self.break_law("S8 ExactlyOnce", &format!("{lost} entries are marked and were never shown"));
        }
        let waiting =
            self.store.outbox.keys().filter(|entry| **entry < 3_000 && !self.discord.shown.contains_key(entry)).count();
        if waiting > 0 && END > QUIET_FROM {
            self.break_law("S8 ExactlyOnce", &format!("{waiting} old entries were never delivered"));
        }
    }
}

const fn acts(action: Action) -> bool {
    match action {
        Action::Launch | Action::Start | Action::Stop | Action::Recycle => true,
        Action::Nothing | Action::Wait => false,
    }
}
