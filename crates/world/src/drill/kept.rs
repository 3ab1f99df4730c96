//! Machines that somebody else keeps: what may be done to one is a command each. The drill knows nothing of what they are; a
//! cluster of Kubernetes will do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use relais_failover::Site;
use serde::Deserialize;

use crate::nodes::NodeState;

/// The machines of both sites, and what the rehearsal must know to be their Discord, their store and their watchdog.
#[derive(Debug, Clone)]
pub struct KeptSites {
    /// The preferred site's.
    pub laptop: Kept,
    /// The standby's.
    pub cloud: Kept,
    /// Where the laptop's health server is published.
    pub health: SocketAddr,
    /// The token that both bots have.
    pub token: String,
    /// The key that both health servers have.
    pub health_key: String,
    /// The application that both bots run as.
    pub application_id: u64,
}

impl KeptSites {
    pub(super) const fn of(&self, site: Site) -> &Kept {
        match site {
            Site::Laptop => &self.laptop,
            Site::Cloud => &self.cloud,
        }
    }
}

/// The addresses at which a machine finds the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptWays {
    /// Where the rehearsal listens for what the machine has to say to the store.
    pub store: SocketAddr,
    /// Where it listens for what the machine has to say to Discord.
    pub discord: SocketAddr,
    /// What the machine's bot calls the latter: `ws://host:port`.
    pub gateway: String,
}

/// What may be done to a machine: program and arguments of each. A command that fails ends the scene with its last words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acts {
    /// Whatever state it is in: everything is there, nothing is cut, and the bot and the health server do not run.
    pub prepare: Vec<String>,
    /// Starts bot and health server.
    pub start: Vec<String>,
    /// Ends them in good order; returns when they are gone.
    pub stop: Vec<String>,
    /// Takes the machine its power.
    pub kill: Vec<String>,
    /// It stands still.
    pub suspend: Vec<String>,
    /// It goes on.
    pub wake: Vec<String>,
    /// It loses the store and nothing else.
    pub cut_store: Vec<String>,
    /// It has the store again.
    pub mend_store: Vec<String>,
    /// Prints the last lines of the bot's log.
    pub log: Vec<String>,
}

/// One machine.
#[derive(Debug, Clone)]
pub struct Kept {
    inside: Arc<Inside>,
}

#[derive(Debug)]
struct Inside {
    ways: KeptWays,
    acts: Acts,
    state: Mutex<NodeState>,
    /// Acts never overlap.
    busy: tokio::sync::Mutex<()>,
}

impl Kept {
    /// A machine on which the bot does not run.
    #[must_use]
    pub fn new(ways: KeptWays, acts: Acts) -> Self {
        let (state, busy) = (Mutex::new(NodeState::Down), tokio::sync::Mutex::default());
        Self { inside: Arc::new(Inside { ways, acts, state, busy }) }
    }

    pub(super) fn ways(&self) -> &KeptWays {
        &self.inside.ways
    }

    pub(super) fn state(&self) -> NodeState {
        *self.locked()
    }

    fn locked(&self) -> MutexGuard<'_, NodeState> {
        self.inside.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more is asked of it.
    pub(super) fn let_go(&self) {
        *self.locked() = NodeState::Down;
    }

    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        self.turn(&self.inside.acts.prepare, NodeState::Down).await
    }

    pub(super) async fn start(&self) -> anyhow::Result<()> {
        self.turn(&self.inside.acts.start, NodeState::Up).await
    }

    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        *self.locked() = NodeState::Stopping;
        self.turn(&self.inside.acts.stop, NodeState::Down).await
    }

    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        self.turn(&self.inside.acts.kill, NodeState::Down).await
    }

    pub(super) async fn suspend(&self) -> anyhow::Result<()> {
        self.turn(&self.inside.acts.suspend, NodeState::Suspended).await
    }

    pub(super) async fn wake(&self) -> anyhow::Result<()> {
        self.turn(&self.inside.acts.wake, NodeState::Up).await
    }

    pub(super) async fn cut_store(&self) -> anyhow::Result<()> {
        self.run(&self.inside.acts.cut_store).await.map(drop)
    }

    pub(super) async fn mend_store(&self) -> anyhow::Result<()> {
        self.run(&self.inside.acts.mend_store).await.map(drop)
    }

    pub(super) async fn log(&self) -> String {
        self.run(&self.inside.acts.log).await.unwrap_or_else(|error| format!("{error:#}"))
    }

    async fn turn(&self, command: &[String], into: NodeState) -> anyhow::Result<()> {
        self.run(command).await?;
        *self.locked() = into;
        Ok(())
    }

    async fn run(&self, command: &[String]) -> anyhow::Result<String> {
        let _one_at_a_time = self.inside.busy.lock().await;
        let [program, arguments @ ..] = command else { anyhow::bail!("an act without a command") };
        let mut run = tokio::process::Command::new(program);
        run.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = run.output().await.with_context(|| format!("start {program}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word about why");
            anyhow::bail!("{}: {}: {last}", command.join(" "), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(script: &str) -> Kept {
        let command = |verb: &str| ["sh", "-c", script, verb].map(str::to_owned).to_vec();
        let acts = Acts {
            prepare: command("prepare"),
            start: command("start"),
            stop: command("stop"),
            kill: command("kill"),
            suspend: command("suspend"),
            wake: command("wake"),
            cut_store: command("cut"),
            mend_store: command("mend"),
            log: command("log"),
        };
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
        Kept::new(KeptWays { store: nowhere, discord: nowhere, gateway: "ws://127.0.0.1:9".to_owned() }, acts)
    }

    #[tokio::test]
    async fn a_machine_is_in_the_state_that_the_last_act_left_it_in() {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("said");
        let machine = machine(&format!("echo $0 >> {}", said.display()));
        machine.prepare().await.unwrap();
        assert_eq!(machine.state(), NodeState::Down);
        machine.start().await.unwrap();
        machine.cut_store().await.unwrap();
        machine.mend_store().await.unwrap();
        assert_eq!(machine.state(), NodeState::Up);
        machine.suspend().await.unwrap();
        assert_eq!(machine.state(), NodeState::Suspended);
        machine.wake().await.unwrap();
        machine.kill().await.unwrap();
        assert_eq!(machine.state(), NodeState::Down);
        let acts = std::fs::read_to_string(said).unwrap();
        assert_eq!(acts, "prepare\nstart\ncut\nmend\nsuspend\nwake\nkill\n");
    }

    #[tokio::test]
    async fn an_act_that_fails_is_told_in_its_own_words_and_changes_nothing() {
        let machine = machine("echo first >&2; echo the plug is stuck >&2; exit 3");
        let error = machine.start().await.unwrap_err().to_string();
        assert!(error.contains("the plug is stuck") && error.contains('3'), "{error}");
        assert_eq!(machine.state(), NodeState::Down);
        assert!(machine.log().await.contains("the plug is stuck"));
    }
}
