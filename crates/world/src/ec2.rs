//! A small EC2: one account with one kind of standby machine, behind the watchdog's [`Standby`] port.
//!
//! Machines go through pending, running, stopping (also shutting-down), stopped or terminated on timers; the hooks
//! start and end the real processes of the cloud site. Errors are scripted, tokens are idempotent, a clock counts
//! what it would cost.
//!
//! Deliberately absent: zones and types, networks, images, the price of disks, an eventually consistent `describe`.

mod bill;
mod machine;
mod port;
mod script;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use relais_failover::Timestamp;
use relais_host::clock;
use relais_watchdog::ports::MachineId;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::pace::Pace;

pub use bill::Bill;
pub use script::{Call, Fault};

use machine::Fleet;

#[cfg(doc)]
use relais_watchdog::ports::Standby;

/// Whether the standby is launched from a template, or one machine that is started and stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ec2Mode {
    /// Each start makes a machine, each stop terminates it.
    Launch,
    /// One machine stands there, stopped, from the beginning.
    StartStop,
}

/// What the small EC2 is like. All durations are protocol time.
#[derive(Debug, Clone)]
pub struct Ec2Config {
    /// How the standby is switched on.
    pub mode: Ec2Mode,
    /// From an accepted start to running.
    pub to_running: Duration,
    /// From running until the cloud site's processes start.
    pub to_pod: Duration,
    /// From an accepted stop to stopped or terminated, at least; also at least until the `ended` hook returns.
    pub to_stopped: Duration,
    /// How long a terminated machine is still described.
    pub remembered: Duration,
    /// US dollars for an hour of running.
    pub price_per_hour: f64,
    /// The least that is billed for one run.
    pub least_billed: Duration,
    /// Divides all of the above but the price.
    pub pace: Pace,
}

impl Default for Ec2Config {
    /// 16 s from pending to running, whatever the type (brevdev/ec2-coldboot-research: 16.5 s on average); 20 s to the
    /// pod and 10 s to the end are the project's own allowances. The price is t4g.small's in eu-west-3, on demand.
    fn default() -> Self {
        Self {
            mode: Ec2Mode::Launch,
            to_running: Duration::from_secs(16),
            to_pod: Duration::from_secs(20),
            to_stopped: Duration::from_secs(10),
            remembered: Duration::from_secs(3600),
            price_per_hour: 0.0188,
            least_billed: Duration::from_secs(60),
            pace: Pace::REAL,
        }
    }
}

/// How a machine came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineEnd {
    /// It was told to stop and shuts its processes down.
    Ordered,
    /// It was lost at once, like a reclaimed spot machine or a broken host.
    Lost,
}

/// What happens on a machine. The hooks of ordinary life never overlap; a loss waits for nobody.
#[async_trait]
pub trait MachineHooks: Send + Sync {
    /// The machine has booted far enough for the cloud site's processes to start.
    async fn pod(&self, machine: &MachineId);
    /// The machine ends. Also called when its processes never started.
    async fn ended(&self, machine: &MachineId, how: MachineEnd);
}

/// Hooks that do nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

#[async_trait]
impl MachineHooks for NoHooks {
    async fn pod(&self, _: &MachineId) {}
    async fn ended(&self, _: &MachineId, _: MachineEnd) {}
}

/// One line of the small EC2's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ec2Entry {
    /// When, on this machine's boot clock (not paced).
    pub at: Timestamp,
    /// Which machine, if one is concerned.
    pub machine: Option<MachineId>,
    /// What happened.
    pub what: Ec2Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ec2Event {
    /// A start was accepted: pending.
    Pending,
    /// Running: billing begins.
    Running,
    /// The cloud site's processes were started.
    Pod,
    /// A stop was accepted: billing ends.
    Stopping,
    /// Stopped.
    Stopped,
    /// Terminated.
    Terminated,
    /// Lost without warning.
    Vanished,
    /// A start with a token that was used before, or of a machine that is on already; nothing was started.
    StartRepeated,
    /// A stop of a machine that is stopping or off already; nothing was stopped.
    StopRepeated,
    /// A call was refused.
    Refused {
        /// Which call.
        call: Call,
        /// The error it was given.
        error: String,
    },
    /// A call was carried out, and its answer lost.
    AnswerLost {
        /// Which call.
        call: Call,
    },
}

/// The small EC2. Dropping it, or [`SmallEc2::close`], ends its timers: no hook runs afterwards.
pub struct SmallEc2 {
    shared: Arc<Shared>,
}

struct Shared {
    config: Ec2Config,
    hooks: Arc<dyn MachineHooks>,
    fleet: Mutex<Fleet>,
    hooking: AsyncMutex<()>,
    closed: CancellationToken,
}

impl SmallEc2 {
    /// An account without machines, or, in [`Ec2Mode::StartStop`], with one that is stopped.
    #[must_use]
    pub fn new(config: Ec2Config, hooks: Arc<dyn MachineHooks>) -> Self {
        let mut fleet = Fleet::default();
        if config.mode == Ec2Mode::StartStop {
            fleet.add_stopped();
        }
        Self {
            shared: Arc::new(Shared {
                config,
                hooks,
                fleet: Mutex::new(fleet),
                hooking: AsyncMutex::new(()),
                closed: CancellationToken::new(),
            }),
        }
    }

    /// Makes the next `times` calls of this sort fail; scripts for one sort of call are worked off in order.
    pub fn script(&self, call: Call, fault: Fault, times: u32) {
        self.shared.lock().scripts.add(call, fault, times);
    }

    /// Forgets every script.
    pub fn unscript(&self) {
        self.shared.lock().scripts = script::Scripts::default();
    }

    /// Puts a machine there that has been running for `age` (protocol time), with its processes: the `pod` hook has
    /// returned when this returns. Counts as no start, and its age is billed. In [`Ec2Mode::StartStop`] it is the one
    /// machine.
    pub async fn preset_running(&self, age: Duration) -> MachineId {
        let id = self.shared.lock().preset(self.shared.config.pace.real(age));
        let _in_turn = self.shared.hooking.lock().await;
        self.shared.hooks.pod(&id).await;
        self.shared.lock().note(Some(&id), Ec2Event::Pod);
        id
    }

    /// Every machine that is pending or running is lost at once; how many there were. The `ended` hooks have returned
    /// when this returns.
    pub async fn vanish(&self) -> usize {
        let lost = self.shared.lock().vanish(self.shared.config.mode);
        for id in &lost {
            self.shared.hooks.ended(id, MachineEnd::Lost).await;
        }
        lost.len()
    }

    /// Accepted calls that started a machine.
    #[must_use]
    pub fn starts(&self) -> u32 {
        self.shared.lock().starts
    }

    /// Accepted calls that stopped a machine.
    #[must_use]
    pub fn stops(&self) -> u32 {
        self.shared.lock().stops
    }

    /// What all runs have cost until now.
    #[must_use]
    pub fn bill(&self) -> Bill {
        let config = &self.shared.config;
        self.shared.lock().bill(config, Instant::now())
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Ec2Entry> {
        self.shared.lock().log.clone()
    }

    /// Ends the timers; calls are answered with `Unavailable` from now on.
    pub fn close(&self) {
        self.shared.closed.cancel();
    }
}

impl Drop for SmallEc2 {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Every section under this lock leaves the fleet whole, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a machine's life after an accepted start, unless the account closes.
    fn boot(self: &Arc<Self>, id: MachineId, life: u64) {
        let shared = Arc::clone(self);
        self.spawn(async move {
            let pace = shared.config.pace;
            tokio::time::sleep(pace.real(shared.config.to_running)).await;
            if !shared.lock().run(&id, life) {
                return;
            }
            tokio::time::sleep(pace.real(shared.config.to_pod)).await;
            let _in_turn = shared.hooking.lock().await;
            if !shared.lock().runs(&id, life) {
                return;
            }
            shared.hooks.pod(&id).await;
            shared.lock().note(Some(&id), Ec2Event::Pod);
        });
    }

    /// Runs a machine's end after an accepted stop, unless the account closes.
    fn shut_down(self: &Arc<Self>, id: MachineId, life: u64) {
        let shared = Arc::clone(self);
        self.spawn(async move {
            let hooked = async {
                let _in_turn = shared.hooking.lock().await;
                shared.hooks.ended(&id, MachineEnd::Ordered).await;
            };
            let least = tokio::time::sleep(shared.config.pace.real(shared.config.to_stopped));
            tokio::join!(hooked, least);
            shared.lock().end(&id, life, shared.config.mode);
        });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closed = self.closed.clone();
        tokio::spawn(async move {
            let _ = closed.run_until_cancelled(work).await;
        });
    }
}

fn now() -> Timestamp {
    clock::now()
}
