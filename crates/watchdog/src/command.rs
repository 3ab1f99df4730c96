//! A standby behind three commands of the operator's: any provider with a command line.

use core::time::Duration;

use async_trait::async_trait;
use relais_failover::act::InstanceState;
use serde::Deserialize;
use tokio::process::Command;

use crate::ports::{Machine, MachineId, Standby, StandbyError};

/// Program and arguments of each command. `{token}` and `{machine}` in an argument are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// Prints one line a machine: `ID STATE SECONDS`, STATE one of `pending`, `running`, `stopping`, `stopped`,
    /// `terminated`, SECONDS since its launch.
    pub describe: Vec<String>,
    /// Launches or starts one; must make no second one for the same `{token}`.
    pub start: Vec<String>,
    /// Stops `{machine}`.
    pub stop: Vec<String>,
    /// How long each may take.
    pub timeout_ms: u64,
}

/// [`Standby`] by commands.
#[derive(Debug, Clone)]
pub struct CommandStandby {
    config: CommandConfig,
}

impl CommandStandby {
    /// From its configuration.
    #[must_use]
    pub const fn new(config: CommandConfig) -> Self {
        Self { config }
    }

    async fn run(&self, command: &[String], placeholder: &str, value: &str) -> Result<String, StandbyError> {
        let [program, arguments @ ..] = command else {
            return Err(StandbyError::Unavailable("an empty command".to_owned()));
        };
        let unavailable = |detail: String| StandbyError::Unavailable(format!("{program}: {detail}"));
        let run = Command::new(program)
            .args(arguments.iter().map(|argument| argument.replace(placeholder, value)))
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_millis(self.config.timeout_ms), run)
            .await
            .map_err(|_| StandbyError::Unanswered(format!("{program}: timed out")))?
            .map_err(|error| unavailable(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(unavailable(format!("{}: {}", output.status, said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn machine(line: &str) -> Result<Machine, StandbyError> {
    let strange = || StandbyError::Unavailable(format!("{line:?} is not `ID STATE SECONDS`"));
    let mut words = line.split_whitespace();
    let (Some(id), Some(state), Some(seconds), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(strange());
    };
    let state = match state {
        "pending" => InstanceState::Pending,
        "running" => InstanceState::Running,
        "stopping" | "shutting-down" => InstanceState::Stopping,
        "stopped" => InstanceState::Stopped,
        "terminated" => InstanceState::Terminated,
        _ => return Err(strange()),
    };
    let launched_for = Duration::from_secs(seconds.parse().map_err(|_| strange())?);
    Ok(Machine { id: MachineId(id.to_owned()), state, launched_for })
}

#[async_trait]
impl Standby for CommandStandby {
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError> {
        let printed = self.run(&self.config.describe, "{machine}", "").await?;
        printed.lines().filter(|line| !line.trim().is_empty()).map(machine).collect()
    }

    async fn start(&self, token: &str) -> Result<(), StandbyError> {
        self.run(&self.config.start, "{token}", token).await.map(drop)
    }

    async fn stop(&self, id: &MachineId) -> Result<(), StandbyError> {
        self.run(&self.config.stop, "{machine}", &id.0).await.map(drop)
    }
}

/// A standby that does not exist: `watch` without one only looks and says what it would do.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStandby;

#[async_trait]
impl Standby for NoStandby {
    async fn describe(&self) -> Result<Vec<Machine>, StandbyError> {
        Ok(Vec::new())
    }

    async fn start(&self, _token: &str) -> Result<(), StandbyError> {
        Err(StandbyError::Unavailable("no standby is configured".to_owned()))
    }

    async fn stop(&self, _machine: &MachineId) -> Result<(), StandbyError> {
        Err(StandbyError::Unavailable("no standby is configured".to_owned()))
    }
}
