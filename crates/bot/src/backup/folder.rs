//! The folder of backups. Only files with a name that this bot gives are ever looked at or removed.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use relais_failover::{Term, WallClock};
use relais_host::clock::random_128;

use crate::interactions::moment;

const BEFORE: &str = "relais-";
const STAMP: &str = "%Y%m%dT%H%M%SZ";
const AFTER: &str = ".ndjson";
/// What a file is called until it is whole.
const PART: &str = ".part";

/// A folder with backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// When it was taken, Unix seconds.
    pub taken: i64,
    /// Its size.
    pub bytes: u64,
    /// Where it is.
    pub path: PathBuf,
}

impl Folder {
    /// A folder, there or not.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a file and removes it.
    ///
    /// # Errors
    /// The folder is missing, not a folder, full or not writable.
    pub fn try_to_write(&self) -> io::Result<()> {
        let path = self.0.join(format!("{BEFORE}{:032x}{PART}", random_128()));
        File::create_new(&path)?;
        fs::remove_file(&path)
    }

    /// Where a backup of that moment goes. Names sort by age.
    #[must_use]
    pub fn file(&self, taken: WallClock, term: Term) -> PathBuf {
        self.0.join(format!("{BEFORE}{}-t{term}{AFTER}", moment(taken).strftime(STAMP)))
    }

    /// Our backups, the oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn kept(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for (name, entry) in self.entries()? {
            let Some(taken) = stamp(&name) else { continue };
            // A link is none of ours, wherever it leads.
            let about = entry.metadata()?;
            if about.is_file() {
                kept.push(Kept { taken: taken.as_second(), bytes: about.len(), path: entry.path() });
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// The newest of our backups that is not of the future, as one is whose clock was wrong.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn newest(&self, now: WallClock) -> io::Result<Option<Kept>> {
        let now = moment(now).as_second();
        Ok(self.kept()?.into_iter().rfind(|kept| kept.taken <= now))
    }

    /// Removes what a bot that was killed has left, and of our backups all but the newest `keep`; how many went.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn prune(&self, keep: usize) -> io::Result<usize> {
        for (name, entry) in self.entries()? {
            if name.strip_suffix(PART).is_some_and(|name| stamp(name).is_some()) {
                fs::remove_file(entry.path())?;
            }
        }
        let kept = self.kept()?;
        let old = kept.len().saturating_sub(keep);
        for gone in kept.iter().take(old) {
            fs::remove_file(&gone.path)?;
        }
        Ok(old)
    }

    fn entries(&self) -> io::Result<Vec<(String, fs::DirEntry)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                entries.push((name, entry));
            }
        }
        Ok(entries)
    }
}

/// What a file is called until it is whole.
#[must_use]
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PART);
    PathBuf::from(name)
}

/// The moment in a name that is ours.
fn stamp(name: &str) -> Option<Timestamp> {
    let (stamp, term) = name.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.split_once("-t")?;
    let plain = !term.is_empty() && term.bytes().all(|byte| byte.is_ascii_digit());
    let moment = DateTime::strptime(STAMP, stamp).ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp();
    // What is read must be what would be written: `2026` and ` 2026` are the same year to a lenient reader.
    (plain && moment.strftime(STAMP).to_string() == stamp).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallClock {
        WallClock(u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap())
    }

    fn folder(names: &[&str]) -> (tempfile::TempDir, Folder) {
        let held = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| fs::write(held.path().join(name), name).unwrap());
        let folder = Folder::new(held.path().to_owned());
        (held, folder)
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<_> = folder.entries().unwrap().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_name_says_when_and_under_which_term() {
        let folder = Folder::new("/b".into());
        let path = folder.file(at("2026-11-26T11:17:02.9Z"), Term(37));
        assert_eq!(path, Path::new("/b/relais-20261126T111702Z-t37.ndjson"));
        let read = stamp(path.file_name().unwrap().to_str().unwrap()).unwrap();
        assert_eq!(read.to_string(), "2026-11-26T11:17:02Z");
    }

    #[test]
    fn only_our_own_files_are_counted_and_pruned() {
        let others = [
            "relais-20261126T111702Z-t37.ndjson.gz",
            "relais-20261126T111702Z-37.ndjson",
            "relais-20261126T111702Z-t.ndjson",
            "relais-20261126T111702Z-t3x.ndjson",
            "relais-2026-11-26-t37.ndjson",
            "relais-20261326T111702Z-t37.ndjson",
            "relais- 0261126T111702Z-t37.ndjson",
            "my-relais-20261126T111702Z-t37.ndjson",
            "relais.db",
            "relais.db-wal",
            "notes.part",
            "relais-of-mine.ndjson.part",
        ];
        let (held, folder) = folder(&others);
        for day in ["24", "26", "25", "23"] {
            fs::write(held.path().join(format!("relais-202611{day}T000000Z-t1.ndjson")), day).unwrap();
        }
        fs::write(held.path().join("relais-20261127T000000Z-t1.ndjson.part"), "half").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", held.path().join("relais-20200101T000000Z-t1.ndjson")).unwrap();
        fs::create_dir(held.path().join("relais-20200102T000000Z-t1.ndjson")).unwrap();
        assert_eq!(folder.kept().unwrap().len(), 4);
        assert_eq!(folder.prune(2).unwrap(), 2);
        let mut left: Vec<&str> = others.to_vec();
        left.extend(["relais-20261125T000000Z-t1.ndjson", "relais-20261126T000000Z-t1.ndjson"]);
        left.extend(["relais-20200101T000000Z-t1.ndjson", "relais-20200102T000000Z-t1.ndjson"]);
        left.sort_unstable();
        assert_eq!(names(&folder), left);
    }

    #[test]
    fn the_newest_is_by_its_name_and_not_of_the_future() {
        let (_held, folder) = folder(&[
            "relais-20261126T000000Z-t9.ndjson",
            "relais-20261125T000000Z-t10.ndjson",
            "relais-20991231T000000Z-t1.ndjson",
        ]);
        let newest = |now| folder.newest(at(now)).unwrap().map(|kept| kept.path.file_name().unwrap().to_owned());
        assert_eq!(newest("2026-11-27T00:00:00Z").unwrap(), "relais-20261126T000000Z-t9.ndjson");
        assert_eq!(newest("2026-11-25T12:00:00Z").unwrap(), "relais-20261125T000000Z-t10.ndjson");
        assert_eq!(newest("2026-11-24T00:00:00Z"), None);
    }

    #[test]
    fn a_folder_that_is_missing_or_no_folder_is_an_error() {
        let (held, folder) = folder(&["file"]);
        assert!(folder.try_to_write().is_ok());
        assert_eq!(names(&folder), ["file"], "nothing is left behind");
        for bad in ["file", "missing"] {
            assert!(Folder::new(held.path().join(bad)).try_to_write().is_err());
        }
    }
}
