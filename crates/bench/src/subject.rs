//! Who is measured: the bot of Relais, and a minimal discord.py bot.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use relais_failover::{LeaseRecord, Policy, Version};
use relais_host::clock::{self, Boottime, Clock as _};
use serde_json::json;

use crate::{ask::APPLICATION, process::Running};

/// How long the store may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bot that can be started.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Relais, with a lease and state in an own SQLite file.
    Relais {
        /// The program.
        program: PathBuf,
        /// Before `--config FILE`.
        arguments: Vec<String>,
    },
    /// discord.py, which keeps nothing.
    DiscordPy {
        /// The interpreter that finds the library.
        python: PathBuf,
        /// The bot.
        script: PathBuf,
    },
}

impl Subject {
    /// As the report calls it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Relais { .. } => "relais",
            Self::DiscordPy { .. } => "discord.py",
        }
    }

    /// Starts it against the load server, with everything that it keeps in `folder`.
    ///
    /// # Errors
    /// A file cannot be written or the program cannot be started.
    pub async fn launch(&self, discord: SocketAddr, folder: &Path) -> anyhow::Result<Running> {
        let command = match self {
            Self::Relais { program, arguments } => {
                let config = settle(discord, folder).await?;
                let mut command = Command::new(program);
                command.args(arguments).arg("--config").arg(config).env("RUST_LOG", "warn");
                command
            }
            Self::DiscordPy { python, script } => {
                let mut command = Command::new(python);
                command.arg(script).env("BENCH_REST", format!("http://{discord}"));
                command.env("BENCH_GATEWAY", format!("ws://{discord}"));
                command
            }
        };
        Running::spawn(command, &folder.join("bot.log"))
    }
}

/// A store with a free lease, and settings.
async fn settle(discord: SocketAddr, folder: &Path) -> anyhow::Result<PathBuf> {
    let path = |name: &str| folder.join(name);
    let url = format!("sqlite:{}", path("store.db").display());
    let store = relais_store::open(&url.parse()?, PATIENCE)?;
    let policy = Policy::embedded();
    let first = LeaseRecord::initial(Version::new(clock::random_128()), policy.ttl, Boottime.wall());
    store.init(&first).await?;
    let write = |name: &str, text: &str| std::fs::write(path(name), text).with_context(|| format!("write {name}"));
    write("token", "a.token.for-a-benchmark")?;
    let settings = json!({
        "site": "laptop", "preferred": "laptop", "store": url, "listen": "127.0.0.1:0",
        "discord": {
            "token_file": path("token"), "application_id": APPLICATION.to_string(),
            "rest_base": format!("http://{discord}"),
        },
    });
    write("bot.json", &settings.to_string())?;
    Ok(path("bot.json"))
}
