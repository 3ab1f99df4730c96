//! The machines of the small EC2 and the rules of their states; no timers here.

use std::time::Duration;

use relais_failover::act::InstanceState;
use relais_watchdog::ports::{Machine, MachineId, StandbyError};
use tokio::time::Instant;

use super::bill::{Bill, Run};
use super::script::Scripts;
use super::{Ec2Config, Ec2Entry, Ec2Event, Ec2Mode};

/// Everything in the account.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    pub(super) scripts: Scripts,
    pub(super) starts: u32,
    pub(super) stops: u32,
    pub(super) log: Vec<Ec2Entry>,
    hosts: Vec<Host>,
}

#[derive(Debug)]
struct Host {
    id: MachineId,
    token: Option<String>,
    state: InstanceState,
    /// Counts starts, so that a timer of an earlier life does nothing.
    life: u64,
    launched: Instant,
    /// Real time it had already been running for when it was put there.
    aged: Duration,
    ended: Option<Instant>,
    runs: Vec<Run>,
}

/// What became of an accepted call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// It began something, which the machine's life of this number must now be led through.
    Began(MachineId, u64),
    /// There was nothing to do.
    Nothing,
}

impl Fleet {
    pub(super) fn add_stopped(&mut self) {
        self.add(InstanceState::Stopped, None, Duration::ZERO);
    }

    fn add(&mut self, state: InstanceState, token: Option<String>, aged: Duration) -> &mut Host {
        let id = MachineId(format!("i-{:017x}", self.hosts.len() + 1));
        let launched = Instant::now();
        self.hosts.push(Host { id, token, state, life: 1, launched, aged, ended: None, runs: Vec::new() });
        let last = self.hosts.len() - 1;
        &mut self.hosts[last]
    }

    pub(super) fn note(&mut self, machine: Option<&MachineId>, what: Ec2Event) {
        self.log.push(Ec2Entry { at: super::now(), machine: machine.cloned(), what });
    }

    /// The machines as `describe` shows them: terminated ones for `remembered` of real time.
    pub(super) fn described(&self, remembered: Duration) -> Vec<Machine> {
        let fresh = |host: &&Host| {
            host.state != InstanceState::Terminated || host.ended.is_some_and(|ended| ended.elapsed() < remembered)
        };
        let shown = |host: &Host| Machine { id: host.id.clone(), state: host.state, launched_for: host.launched_for() };
        self.hosts.iter().filter(fresh).map(shown).collect()
    }

    /// A start call that no script stops.
    pub(super) fn start(&mut self, mode: Ec2Mode, token: &str) -> Result<Accepted, StandbyError> {
        let begun = match mode {
            Ec2Mode::Launch => {
                if let Some(host) = self.hosts.iter().find(|host| host.token.as_deref() == Some(token)) {
                    let id = host.id.clone();
                    self.note(Some(&id), Ec2Event::StartRepeated);
                    return Ok(Accepted::Nothing);
                }
                let host = self.add(InstanceState::Pending, Some(token.to_owned()), Duration::ZERO);
                (host.id.clone(), host.life)
            }
            Ec2Mode::StartStop => {
                let Some(host) = self.hosts.first_mut() else {
                    return Err(StandbyError::Unavailable("InvalidInstanceID.NotFound".to_owned()));
                };
                match host.state {
                    InstanceState::Pending | InstanceState::Running => {
                        let id = host.id.clone();
                        self.note(Some(&id), Ec2Event::StartRepeated);
                        return Ok(Accepted::Nothing);
                    }
                    InstanceState::Stopping | InstanceState::Terminated => {
                        return Err(StandbyError::IncorrectInstanceState);
                    }
                    InstanceState::Stopped => host.start_again(),
                }
            }
        };
        self.starts += 1;
        self.note(Some(&begun.0), Ec2Event::Pending);
        Ok(Accepted::Began(begun.0, begun.1))
    }

    /// A stop call that no script stops. A pending machine cannot be stopped, but it can be terminated, as in the
    /// real one.
    pub(super) fn stop(&mut self, mode: Ec2Mode, id: &MachineId) -> Result<Accepted, StandbyError> {
        let Some(host) = self.hosts.iter_mut().find(|host| host.id == *id) else {
            return Err(StandbyError::Unavailable(format!("InvalidInstanceID.NotFound: {id}")));
        };
        match (host.state, mode) {
            (InstanceState::Pending, Ec2Mode::StartStop) => Err(StandbyError::IncorrectInstanceState),
            (InstanceState::Running, _) | (InstanceState::Pending, Ec2Mode::Launch) => {
                host.state = InstanceState::Stopping;
                host.close_run();
                let life = host.life;
                self.stops += 1;
                self.note(Some(id), Ec2Event::Stopping);
                Ok(Accepted::Began(id.clone(), life))
            }
            (InstanceState::Stopping | InstanceState::Stopped | InstanceState::Terminated, _) => {
                self.note(Some(id), Ec2Event::StopRepeated);
                Ok(Accepted::Nothing)
            }
        }
    }

    /// Pending to running, if that life is still led.
    pub(super) fn run(&mut self, id: &MachineId, life: u64) -> bool {
        let Some(host) = self.living(id, life, InstanceState::Pending) else { return false };
        host.state = InstanceState::Running;
        host.runs.push(Run::begin());
        self.note(Some(id), Ec2Event::Running);
        true
    }

    pub(super) fn runs(&mut self, id: &MachineId, life: u64) -> bool {
        self.living(id, life, InstanceState::Running).is_some()
    }

    /// Stopping to its end, if that life is still led.
    pub(super) fn end(&mut self, id: &MachineId, life: u64, mode: Ec2Mode) {
        if let Some(host) = self.living(id, life, InstanceState::Stopping) {
            let what = host.finish(mode);
            self.note(Some(id), what);
        }
    }

    pub(super) fn vanish(&mut self, mode: Ec2Mode) -> Vec<MachineId> {
        let mut lost = Vec::new();
        for host in &mut self.hosts {
            if matches!(host.state, InstanceState::Pending | InstanceState::Running) {
                host.close_run();
                host.finish(mode);
                lost.push(host.id.clone());
            }
        }
        for id in &lost {
            self.note(Some(id), Ec2Event::Vanished);
        }
        lost
    }

    /// A running machine with `aged` of real time behind it; the stopped one if there is one.
    pub(super) fn preset(&mut self, aged: Duration) -> MachineId {
        let stopped = self.hosts.iter().position(|host| host.state == InstanceState::Stopped);
        let host = match stopped {
            Some(index) => {
                let host = &mut self.hosts[index];
                host.start_again();
                host.aged = aged;
                host
            }
            None => self.add(InstanceState::Pending, None, aged),
        };
        host.state = InstanceState::Running;
        host.runs.push(Run::begun(aged));
        let id = host.id.clone();
        self.note(Some(&id), Ec2Event::Running);
        id
    }

    pub(super) fn bill(&self, config: &Ec2Config, now: Instant) -> Bill {
        Bill::of(self.hosts.iter().flat_map(|host| &host.runs), config, now)
    }

    fn living(&mut self, id: &MachineId, life: u64, state: InstanceState) -> Option<&mut Host> {
        self.hosts.iter_mut().find(|host| host.id == *id && host.life == life && host.state == state)
    }
}

impl Host {
    fn launched_for(&self) -> Duration {
        self.launched.elapsed() + self.aged
    }

    fn start_again(&mut self) -> (MachineId, u64) {
        self.state = InstanceState::Pending;
        self.life += 1;
        self.launched = Instant::now();
        self.aged = Duration::ZERO;
        (self.id.clone(), self.life)
    }

    fn close_run(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            run.end();
        }
    }

    fn finish(&mut self, mode: Ec2Mode) -> Ec2Event {
        self.ended = Some(Instant::now());
        match mode {
            Ec2Mode::Launch => {
                self.state = InstanceState::Terminated;
                Ec2Event::Terminated
            }
            Ec2Mode::StartStop => {
                self.state = InstanceState::Stopped;
                Ec2Event::Stopped
            }
        }
    }
}
