//! One backup as a file: under another name until it is whole and on the disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use relais_failover::WallClock;
use relais_store::{
    Store,
    archive::{Counts, TakeError, Taken, take},
};
use tokio::fs::{File, OpenOptions, rename};

use super::folder::part_of;

/// Why there is no new backup. None of an earlier moment was touched.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store could not be copied, or its copy not be written.
    #[error("back up into {}", path.display())]
    Take {
        /// The file that was to be.
        path: PathBuf,
        /// Why.
        source: TakeError,
    },
    /// The file could not be made, or not be kept.
    #[error("write {}", path.display())]
    File {
        /// The file that was to be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies `store` into a new file at `path`, readable by its owner only, and waits until it is on the disk. `wall` is now;
/// `told` hears how much there is so far. Of one that ended early, or was dropped, nothing is left.
///
/// # Errors
/// [`BackupError`].
pub async fn write(
    store: &dyn Store,
    path: &Path,
    wall: WallClock,
    told: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Taken, BackupError> {
    let failed = |source| BackupError::File { path: path.to_owned(), source };
    let part = Part(part_of(path));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part.0).await.map_err(failed)?;
    let taken = take(store, &mut file, wall, told)
        .await
        .map_err(|source| BackupError::Take { path: path.to_owned(), source })?;
    file.sync_all().await.map_err(failed)?;
    rename(&part.0, path).await.map_err(failed)?;
    // The name, too, must be on the disk before anything older goes.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).await.map_err(failed)?.sync_all().await.map_err(failed)?;
    Ok(taken)
}

/// Removes the file that is not whole, however its writing ended; after the rename there is none.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _it_has_its_name = std::fs::remove_file(&self.0);
    }
}
