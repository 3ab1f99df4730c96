//! The machines of `drill --sites`: somebody else keeps them, for example `cargo xtask cluster` in clusters of Kubernetes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use relais_host::secret::Secret;
use relais_world::drill::{Acts, Kept, KeptSites, KeptWays};
use serde::Deserialize;

/// The file; unknown keys are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    laptop: Machine,
    cloud: Machine,
    /// Where the laptop's health server is published.
    health: SocketAddr,
    /// The file with the token that both bots have.
    token_file: PathBuf,
    /// The file with the key that both health servers have.
    health_key_file: PathBuf,
    /// The application that both bots run as.
    application_id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    ways: KeptWays,
    acts: Acts,
}

/// Reads the file and what it names.
pub(crate) fn read(file: &Path) -> anyhow::Result<KeptSites> {
    let described: Described = relais_host::config::load(file)?;
    let secret = |file: &Path| anyhow::Ok(Secret::read(file)?.expose().to_owned());
    Ok(KeptSites {
        laptop: Kept::new(described.laptop.ways, described.laptop.acts),
        cloud: Kept::new(described.cloud.ways, described.cloud.acts),
        health: described.health,
        token: secret(&described.token_file)?,
        health_key: secret(&described.health_key_file)?,
        application_id: described.application_id,
    })
}
