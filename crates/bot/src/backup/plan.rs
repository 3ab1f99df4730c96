//! What the settings say about backups.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::folder::Folder;

/// The longest time between two backups: a month.
const MOST_HOURS: u32 = 744;
/// The most files that are kept.
const MOST_KEPT: usize = 1_000;

/// The settings' own form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    folder: PathBuf,
    #[serde(default = "daily")]
    every_hours: u32,
    #[serde(default = "a_week")]
    keep: usize,
}

const fn daily() -> u32 {
    24
}

const fn a_week() -> usize {
    7
}

/// Backups as they are to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where the files go.
    pub folder: Folder,
    /// From one to the next.
    pub every: Duration,
    /// How many stay.
    pub keep: usize,
}

/// Why no backup could ever be taken so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A folder that depends on where the program was started.
    #[error("folder {} is no absolute path, as in /var/lib/relais/backups", .0.display())]
    NotAbsolute(PathBuf),
    /// Never, or so seldom that nobody would miss it.
    #[error("every_hours is {0}: expected 1 to {MOST_HOURS}")]
    Hours(u32),
    /// None, or more than anybody looks through.
    #[error("keep is {0}: expected 1 to {MOST_KEPT}")]
    Keep(usize),
    /// The folder is missing, or not ours to write.
    #[error("folder {} cannot be written ({reason}): make it, and let this user write there", folder.display())]
    Folder {
        /// Which one.
        folder: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl Plan {
    /// Checks the settings, and that a file can be made in the folder.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(file: File) -> Result<Self, PlanError> {
        let File { folder, every_hours, keep } = file;
        if !folder.is_absolute() {
            return Err(PlanError::NotAbsolute(folder));
        }
        if !(1..=MOST_HOURS).contains(&every_hours) {
            return Err(PlanError::Hours(every_hours));
        }
        if !(1..=MOST_KEPT).contains(&keep) {
            return Err(PlanError::Keep(keep));
        }
        let folder = Folder::new(folder);
        folder
            .try_to_write()
            .map_err(|error| PlanError::Folder { folder: folder.path().to_owned(), reason: error.to_string() })?;
        Ok(Self { folder, every: Duration::from_secs(u64::from(every_hours) * 3600), keep })
    }
}
