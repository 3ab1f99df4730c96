//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use relais_world::drill::Scene;

use crate::small_discord::Discord;

/// Rehearse a failover on this machine, or watch real endpoints.
#[derive(Debug, Parser)]
#[command(name = "watchdog-local", version)]
pub(crate) struct Arguments {
    /// What to do; `drill` if nothing is said.
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// Rehearse failovers with real processes of two sites, a small Discord and a small EC2.
    Drill(Drill),
    /// Write the first lease record of a new store; done once, a missing lease is never made anew by itself.
    Init(Init),
    /// Copy everything that a store has into a file, while it is in use.
    Backup(Backup),
    /// Put a backup back into an empty store; one that is in use is never touched.
    Restore(Restore),
    /// Look at the configured endpoints, decide, and switch the configured standby.
    Watch(Watch),
    /// For rehearsals in clusters: carry TCP connections from one address to another.
    #[command(hide = true)]
    Carry(Carry),
    /// For rehearsals in clusters: a small Discord with users, for one bot that somebody else runs.
    #[command(hide = true)]
    Company(Company),
    /// Serve the small Discord alone, for bots that run elsewhere, and tell what it hears.
    Discord(Discord),
}

#[derive(Debug, Default, Parser)]
pub(crate) struct Drill {
    /// A scene, several (comma-separated or repeated), or `all`. Without it: crash, home, lid.
    #[arg(long = "scene", value_delimiter = ',')]
    pub(crate) scenes: Vec<String>,
    /// Divide every number of the protocol by this. Without it each scene has a pace that ends it within about 20 s.
    #[arg(long)]
    pub(crate) pace: Option<f64>,
    /// Write the report as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Write the report as one HTML file [default: drill.html].
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
    /// Rehearse with this policy file instead of the one that ships with Relais.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
    /// Discord's OpenAPI document [default: data/discord-openapi.json in $RELAIS_SHARED or ../shared].
    #[arg(long)]
    pub(crate) openapi: Option<PathBuf>,
    /// Let the laptop be the virtual machine that this file (JSON) describes.
    #[arg(long)]
    pub(crate) laptop: Option<PathBuf>,
    /// Keep this file's list of Prometheus targets true, scene by scene (`file_sd_configs`).
    #[arg(long)]
    pub(crate) targets: Option<PathBuf>,
    /// Copy the logs of a scene that broke a promise into this folder.
    #[arg(long)]
    pub(crate) keep_logs: Option<PathBuf>,
    /// Check the arguments and the policy, and end.
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Rehearse with the machines that this file (JSON) describes, instead of with processes of this one, at pace 1 unless
    /// told otherwise. `cargo xtask cluster --scene drill` makes such machines out of clusters of Kubernetes.
    #[arg(long)]
    pub(crate) sites: Option<PathBuf>,
    /// Rehearse in the cloud account that this file (JSON) describes, instead of in the scenes' own world.
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with_all = ["scenes", "sites"])]
    pub(crate) account: Option<PathBuf>,
    /// Run the laptop's bot with a known bad design, to see it caught.
    #[cfg(feature = "mutants")]
    #[arg(long, hide = true)]
    pub(crate) mutant: Option<String>,
}

#[derive(Debug, Parser)]
pub(crate) struct Init {
    /// The store, such as `sqlite:/var/lib/relais/relais.db`.
    #[arg(long)]
    pub(crate) store: String,
    /// A policy file instead of the one that ships with Relais.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Parser)]
pub(crate) struct Backup {
    /// The store, such as `sqlite:/var/lib/relais/relais.db`.
    #[arg(long)]
    pub(crate) store: String,
    /// The file to write, which must not be there yet, or `-` for stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: String,
    /// A policy file instead of the one that ships with Relais.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Parser)]
pub(crate) struct Restore {
    /// The store to put it into, which must be empty: another kind than it was taken of is fine.
    #[arg(long, required_unless_present = "check")]
    pub(crate) store: Option<String>,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Only check that the backup is whole.
    #[arg(long)]
    pub(crate) check: bool,
    /// A policy file instead of the one that ships with Relais.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, Parser)]
pub(crate) struct Watch {
    /// The configuration file (JSON).
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Look once and end.
    #[arg(long)]
    pub(crate) once: bool,
    /// Decide and tell, but switch and remember nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Check the configuration file and what it names, and end.
    #[arg(long)]
    pub(crate) check_config: bool,
}

#[derive(Debug, Parser)]
pub(crate) struct Carry {
    /// Where to listen.
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    /// Where every connection leads.
    #[arg(long)]
    pub(crate) to: SocketAddr,
}

#[derive(Debug, Parser)]
pub(crate) struct Company {
    /// Where the small Discord listens.
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    /// What the bot calls the gateway, if that is not where it listens: `ws://host:port`.
    #[arg(long)]
    pub(crate) gateway: Option<String>,
    /// The bot's site.
    #[arg(long)]
    pub(crate) site: String,
    /// The file with the bot's token.
    #[arg(long)]
    pub(crate) token_file: PathBuf,
    /// The application that the bot runs as.
    #[arg(long)]
    pub(crate) application_id: u64,
    /// The bot's store, to read from what its users were promised.
    #[arg(long)]
    pub(crate) store: String,
    /// Discord's OpenAPI document [default: data/discord-openapi.json in $RELAIS_SHARED or ../shared].
    #[arg(long)]
    pub(crate) openapi: Option<PathBuf>,
}

impl Drill {
    /// The scenes asked for, in order, each once.
    pub(crate) fn chosen(&self) -> anyhow::Result<Vec<Scene>> {
        if self.scenes.is_empty() {
            return Ok(Scene::FIRST.to_vec());
        }
        let mut chosen = Vec::new();
        for name in &self.scenes {
            let more = if name == "all" {
                Scene::ALL.to_vec()
            } else {
                vec![name.parse().map_err(|error: relais_world::drill::UnknownScene| {
                    relais_host::exit::BadUsage(error.to_string())
                })?]
            };
            for scene in more {
                if !chosen.contains(&scene) {
                    chosen.push(scene);
                }
            }
        }
        Ok(chosen)
    }
}
