//! The looks behind one answer: the bot's private port, the disk, the boot.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use relais_failover::{
    health::{BotFacts, HealthReport},
    wire,
};
use relais_host::{
    clock::{Boottime, Clock as _, boot_id},
    http::{Client, StatusCode},
};
use rustix::fs::statvfs;

use crate::{
    config::Settings,
    report::{Sight, Standard, report},
};

/// Most bytes of the bot's facts.
const MAX_FACTS: usize = 16 * 1024;

/// Looks and reports. One look must leave the prober time for its own round trip: half of `probe_timeout`.
#[derive(Debug)]
pub struct Looks {
    client: Client,
    url: String,
    state_dir: PathBuf,
    within: Duration,
    standard: Standard,
}

impl Looks {
    /// From the settings.
    ///
    /// # Errors
    /// This machine tells no boot id.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let within = settings.policy.probe_timeout / 2;
        Ok(Self {
            client: Client::new(within, MAX_FACTS),
            url: settings.bot_facts.clone(),
            state_dir: settings.state_dir.clone(),
            within,
            standard: Standard::new(settings.site, boot_id()?, settings.min_disk_free_percent, &settings.policy),
        })
    }

    /// Looks now. Takes at most half of `probe_timeout`.
    pub async fn report(&self) -> HealthReport {
        let (facts, disk_free_percent) = tokio::join!(self.facts(), self.disk());
        report(&Sight { facts, disk_free_percent, wall: Boottime.wall() }, &self.standard)
    }

    async fn facts(&self) -> Option<BotFacts> {
        let answer = match self.client.get(&self.url).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "bot facts not available");
                return None;
            }
        };
        if answer.status != StatusCode::OK {
            tracing::debug!(status = answer.status.as_u16(), "bot facts refused");
            return None;
        }
        let text = String::from_utf8_lossy(&answer.body);
        wire::decode(&text).inspect_err(|error| tracing::debug!(%error, "bot facts not readable")).ok()
    }

    async fn disk(&self) -> Option<u8> {
        let folder = self.state_dir.clone();
        // A file system that hangs must not hang the answer.
        let look = tokio::task::spawn_blocking(move || free_percent(&folder));
        tokio::time::timeout(self.within, look).await.ok()?.ok()?
    }
}

/// Of the space that an unprivileged process may use, the free percent, rounded down.
fn free_percent(folder: &Path) -> Option<u8> {
    let disk = statvfs(folder).inspect_err(|error| tracing::debug!(%error, "disk not readable")).ok()?;
    let usable = disk.f_blocks.saturating_sub(disk.f_bfree).saturating_add(disk.f_bavail);
    u8::try_from(disk.f_bavail.saturating_mul(100).checked_div(usable)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_a_percentage_of_an_existing_folder() {
        let directory = tempfile::tempdir().unwrap();
        assert!(free_percent(directory.path()).is_some_and(|percent| percent <= 100));
        assert_eq!(free_percent(&directory.path().join("none")), None);
    }
}
