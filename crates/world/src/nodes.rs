//! A node: the machine of one site. It runs real child processes, each in a process group of its own, restarts what
//! exits as kubelet does, and can be killed, stopped in its tracks, woken, or shut down.
//!
//! Nothing outlives a node: dropping it kills every group, and the children are told to die with this process
//! (`RELAIS_DIE_WITH_PARENT=1`) for the case that it is killed itself. That signal comes when the *thread* that
//! started the child ends, so a node belongs on a runtime's own threads, not inside `block_in_place`.
//!
//! Deliberately absent: namespaces, limits of resources, probes that restart a process which still runs.

mod supervise;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::pace::Pace;

/// How many exits of one process a node remembers.
const EXITS_KEPT: usize = 64;

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Its name, part of the log files' names.
    pub name: String,
    /// What runs on it.
    pub processes: Vec<ProcessConfig>,
    /// The folder for the log files `<node>-<process>.log`; it must exist.
    pub log_dir: PathBuf,
    /// Divides the back-off between restarts.
    pub pace: Pace,
}

/// One process of a node.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Its name on the node.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What is added to the environment it inherits.
    pub env: Vec<(String, String)>,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// Nothing runs.
    Down,
    /// Everything runs, or is about to be restarted.
    Up,
    /// Everything stands still, in memory.
    Suspended,
    /// Everything was asked to end.
    Stopping,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessExit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not be started again.
    NotStarted,
}

/// What a node knows of one of its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessReport {
    /// Its name on the node.
    pub name: String,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// How often the node restarted it because it had exited, over the node's whole life.
    pub restarts: u32,
    /// How it ended, oldest first, the last 64.
    pub exits: Vec<ProcessExit>,
}

/// One machine with its processes. See the module for what it promises.
#[derive(Debug)]
pub struct Node {
    shared: Arc<Shared>,
    starting: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    config: NodeConfig,
    inside: Mutex<Inside>,
    /// Says that something inside has changed.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Inside {
    state: NodeState,
    /// Counts the starts, so that who waits for an end does not wait for the next life's.
    life: u64,
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The leader of the running group.
    group: Option<Pid>,
    /// Whether a supervisor stands over it.
    supervised: bool,
    restarts: u32,
    exits: VecDeque<ProcessExit>,
}

impl Node {
    /// A node that is down.
    #[must_use]
    pub fn new(config: NodeConfig) -> Self {
        let slots = config.processes.iter().map(|_| Slot::default()).collect();
        let inside = Mutex::new(Inside { state: NodeState::Down, life: 0, slots });
        let shared = Arc::new(Shared { config, inside, changed: watch::Sender::new(()) });
        Self { shared, starting: tokio::sync::Mutex::new(()) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.config.name
    }

    /// What it does now.
    #[must_use]
    pub fn state(&self) -> NodeState {
        self.shared.lock().state
    }

    /// What it knows of its processes, in the order of the configuration.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessReport> {
        let inside = self.shared.lock();
        let configs = self.shared.config.processes.iter();
        configs.zip(&inside.slots).map(|(config, slot)| slot.report(&config.name)).collect()
    }

    /// The log file of the process called `process`.
    #[must_use]
    pub fn log_of(&self, process: &str) -> PathBuf {
        self.shared.config.log_of(process)
    }

    /// Starts everything. Does nothing on a node that is up; waits for the end of one that is stopping.
    ///
    /// # Errors
    /// [`NodeError::Spawn`] if a process cannot be started (the node is down then, with nothing left running),
    /// [`NodeError::Wrong`] if it is suspended.
    pub async fn start(&self) -> Result<(), NodeError> {
        let _one_at_a_time = self.starting.lock().await;
        match self.state() {
            NodeState::Up => return Ok(()),
            NodeState::Suspended => return Err(self.wrong("start", NodeState::Suspended)),
            NodeState::Down | NodeState::Stopping => self.gone().await,
        }
        let started = self.shared.start();
        if started.is_err() {
            self.kill().await;
        }
        started
    }

    /// The machine loses its power: everything is killed at once. Returns when nothing is left.
    pub async fn kill(&self) {
        self.shared.end(NodeState::Down, Signal::KILL);
        self.gone().await;
    }

    /// The machine is shut down: SIGTERM, and what has not ended after `grace` (real time) is killed. A suspended
    /// node cannot hear the SIGTERM and is killed at once. Returns when nothing is left.
    pub async fn terminate(&self, grace: Duration) {
        if self.state() == NodeState::Up {
            self.shared.end(NodeState::Stopping, Signal::TERM);
            if tokio::time::timeout(grace, self.gone()).await.is_err() {
                tracing::warn!(node = self.name(), "node did not stop in time");
            }
        }
        let concerned = {
            let mut inside = self.shared.lock();
            // Somebody may have started it again meanwhile; that life is not this call's to end.
            let concerned = inside.state != NodeState::Up;
            if concerned {
                inside.state = NodeState::Down;
                inside.signal(Signal::KILL);
            }
            concerned
        };
        if concerned {
            self.shared.changed.send_replace(());
            self.gone().await;
        }
    }

    /// The machine stands still: SIGSTOP to everything, and nothing is restarted meanwhile.
    ///
    /// # Errors
    /// [`NodeError::Wrong`] unless it is up.
    pub fn suspend(&self) -> Result<(), NodeError> {
        self.turn("suspend", NodeState::Up, NodeState::Suspended, Signal::STOP)
    }

    /// The machine goes on: SIGCONT to everything.
    ///
    /// # Errors
    /// [`NodeError::Wrong`] unless it is suspended.
    pub fn wake(&self) -> Result<(), NodeError> {
        self.turn("wake", NodeState::Suspended, NodeState::Up, Signal::CONT)
    }

    fn turn(&self, verb: &'static str, from: NodeState, to: NodeState, signal: Signal) -> Result<(), NodeError> {
        let mut inside = self.shared.lock();
        if inside.state != from {
            return Err(self.wrong(verb, inside.state));
        }
        inside.state = to;
        inside.signal(signal);
        drop(inside);
        self.shared.changed.send_replace(());
        Ok(())
    }

    fn wrong(&self, verb: &'static str, state: NodeState) -> NodeError {
        NodeError::Wrong { node: self.name().to_owned(), verb, state }
    }

    /// Returns when no process and no supervisor of the present life is left.
    async fn gone(&self) {
        let mut changed = self.shared.changed.subscribe();
        let life = self.shared.lock().life;
        while self.shared.lock().stands(life) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The supervisors see the ends and leave; without a runtime they are gone already.
        self.shared.end(NodeState::Down, Signal::KILL);
    }
}

impl Shared {
    /// Every section under this lock leaves the record whole, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) -> Result<(), NodeError> {
        let mut inside = self.lock();
        inside.state = NodeState::Up;
        inside.life += 1;
        for (index, process) in self.config.processes.iter().enumerate() {
            let slot = &mut inside.slots[index];
            let child = self.config.spawn(process)?;
            slot.group = group_of(&child);
            slot.supervised = true;
            tokio::spawn(supervise::supervise(Arc::clone(self), index, child));
        }
        Ok(())
    }

    /// Ends everything that runs. Holding the lock here and while spawning means that nothing slips through.
    fn end(&self, state: NodeState, signal: Signal) {
        let mut inside = self.lock();
        inside.state = state;
        inside.signal(signal);
        drop(inside);
        self.changed.send_replace(());
    }
}

impl Inside {
    fn stands(&self, life: u64) -> bool {
        self.life == life && self.slots.iter().any(|slot| slot.supervised)
    }

    fn signal(&self, signal: Signal) {
        for group in self.slots.iter().filter_map(|slot| slot.group) {
            // Fails only when the whole group has ended, and its supervisor is about to see that.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Slot {
    fn report(&self, name: &str) -> ProcessReport {
        ProcessReport {
            name: name.to_owned(),
            pid: self.group.map(|group| group.as_raw_nonzero().get().unsigned_abs()),
            restarts: self.restarts,
            exits: self.exits.iter().copied().collect(),
        }
    }

    fn remember(&mut self, exit: ProcessExit) {
        if self.exits.len() == EXITS_KEPT {
            self.exits.pop_front();
        }
        self.exits.push_back(exit);
    }
}

impl NodeConfig {
    fn log_of(&self, process: &str) -> PathBuf {
        self.log_dir.join(format!("{}-{process}.log", self.name))
    }

    fn spawn(&self, process: &ProcessConfig) -> Result<Child, NodeError> {
        let failed = |cause| NodeError::Spawn { node: self.name.clone(), process: process.name.clone(), cause };
        let log = log_file(&self.log_of(&process.name)).map_err(failed)?;
        Command::new(&process.program)
            .args(&process.args)
            .envs(process.env.iter().map(|(key, value)| (key, value)))
            .env("RELAIS_DIE_WITH_PARENT", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)
    }
}

fn log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn group_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// Why a node cannot do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A process cannot be started.
    #[error("start {process} on the node {node}")]
    Spawn {
        /// The node.
        node: String,
        /// The process.
        process: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The node is in a state in which that makes no sense.
    #[error("{verb} the node {node}: it is {state:?}")]
    Wrong {
        /// The node.
        node: String,
        /// What it was told.
        verb: &'static str,
        /// What it does.
        state: NodeState,
    },
}
