//! What a run that was cut short leaves behind: a small file beside the image, replaced as a whole and never written into.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use relais_failover::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::PublishError;

/// The only form of the file that there is.
const SCHEMA: u32 = 1;
/// It is written this often at most.
const EVERY: Duration = Duration::from_secs(1);

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`SCHEMA`].
    schema: u32,
    /// What is being uploaded, and to where.
    pub upload: Upload,
    /// The blocks that AWS has said it has.
    pub acknowledged: Ranges,
}

/// What is being uploaded, and to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// `snap-…`.
    pub snapshot: String,
    /// Where the snapshot is.
    pub region: String,
    /// The client token of the snapshot without the ones that were given up: whose it is.
    pub identity: String,
    /// The image's length, bytes.
    pub length: u64,
    /// The image's SHA-256.
    pub digest: String,
}

/// Numbers, as ranges from the first to the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Whether the number is in one.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        behind > 0 && number <= self.0[behind - 1].1
    }

    /// Adds a number.
    pub fn add(&mut self, number: u32) {
        if self.has(number) {
            return;
        }
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        let joins_left = behind > 0 && self.0[behind - 1].1.checked_add(1) == Some(number);
        let joins_right = self.0.get(behind).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (joins_left, joins_right) {
            (true, true) => {
                self.0[behind - 1].1 = self.0[behind].1;
                self.0.remove(behind);
            }
            (true, false) => self.0[behind - 1].1 = number,
            (false, true) => self.0[behind].0 = number,
            (false, false) => self.0.insert(behind, (number, number)),
        }
    }

    fn in_order(&self) -> bool {
        self.0.iter().all(|(first, last)| first <= last) && self.0.windows(2).all(|two| two[0].1 < two[1].0)
    }
}

/// Reads the file; nothing if there is none.
///
/// # Errors
/// It cannot be read, or is something else: it is never overwritten then.
pub fn load(path: &Path) -> Result<Option<Record>, PublishError> {
    let refused = |why: String| PublishError::Resume { path: path.to_owned(), why };
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(format!("cannot be read: {error}"))),
    };
    let record: Record = serde_json::from_slice(&text).map_err(|error| {
        refused(format!("is not what an earlier run left ({error}); name another --resume-file, or remove it"))
    })?;
    if record.schema != SCHEMA {
        let why = format!("has schema {}, this program knows {SCHEMA}; remove it to begin anew", record.schema);
        return Err(refused(why));
    }
    if !record.acknowledged.in_order() {
        return Err(refused("has blocks out of order; remove it to begin anew".to_owned()));
    }
    Ok(Some(record))
}

impl Upload {
    /// Why the upload of `earlier` cannot be gone on with, if it cannot.
    #[must_use]
    pub fn differs_from(&self, earlier: &Self) -> Option<String> {
        if self.length != earlier.length {
            return Some(format!("the image had {} bytes then and has {} now", earlier.length, self.length));
        }
        if self.digest != earlier.digest {
            return Some("the image's content has changed since".to_owned());
        }
        if self.region != earlier.region {
            return Some(format!("it was for the region {}, this one is for {}", earlier.region, self.region));
        }
        (self.identity != earlier.identity).then(|| "it was for another project, version, narHash or volume".to_owned())
    }
}

/// The file while an upload goes on.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    record: Record,
    written: Timestamp,
}

impl Journal {
    /// Begins a file, or goes on with one. It is written at once: the snapshot must be known before it has blocks.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(path: &Path, upload: Upload, acknowledged: Ranges, now: Timestamp) -> Result<Self, PublishError> {
        let record = Record { schema: SCHEMA, upload, acknowledged };
        let mut journal = Self { path: path.to_owned(), record, written: now };
        journal.write(now)?;
        Ok(journal)
    }

    /// The snapshot that is written.
    #[must_use]
    pub fn snapshot(&self) -> &str {
        &self.record.upload.snapshot
    }

    /// Whether AWS has this block.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        self.record.acknowledged.has(index)
    }

    /// AWS has this block. Written now and then: what is lost with the rest is sent again.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn acknowledge(&mut self, index: u32, now: Timestamp) -> Result<(), PublishError> {
        self.record.acknowledged.add(index);
        if now.since(self.written) >= EVERY { self.write(now) } else { Ok(()) }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, now: Timestamp) -> Result<(), PublishError> {
        self.written = now;
        self.replace().map_err(|error| PublishError::Resume {
            path: self.path.clone(),
            why: format!("cannot be written: {error}; name a place for it with --resume-file"),
        })
    }

    fn replace(&self) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&self.record)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }
}

/// Removes the file, if it is there.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<(), PublishError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(PublishError::Resume { path: path.to_owned(), why: format!("cannot be removed: {error}") })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Upload {
        Upload {
            snapshot: "snap-1".to_owned(),
            region: "eu-west-3".to_owned(),
            identity: "token".to_owned(),
            length: 1024,
            digest: "aa".to_owned(),
        }
    }

    const ORIGIN: Timestamp = Timestamp::ORIGIN;

    #[test]
    fn ranges_join_in_any_order_of_arrival() {
        let mut ranges = Ranges::default();
        for number in [7, 0, 2, 1, u32::MAX, 5, 6, 2] {
            ranges.add(number);
        }
        assert_eq!(ranges, Ranges(vec![(0, 2), (5, 7), (u32::MAX, u32::MAX)]));
        assert!([0, 1, 2, 5, 6, 7, u32::MAX].iter().all(|number| ranges.has(*number)));
        assert!([3, 4, 8, u32::MAX - 1].iter().all(|number| !ranges.has(*number)));
    }

    #[test]
    fn what_was_acknowledged_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relais.raw.publish.json");
        assert_eq!(load(&path).unwrap(), None);
        let mut journal = Journal::begin(&path, upload(), Ranges::default(), ORIGIN).unwrap();
        journal.acknowledge(3, ORIGIN).unwrap();
        // Within the second nothing was written.
        assert!(!load(&path).unwrap().unwrap().acknowledged.has(3));
        journal.acknowledge(4, ORIGIN + EVERY).unwrap();
        let found = load(&path).unwrap().unwrap();
        assert_eq!((found.upload, found.acknowledged), (upload(), Ranges(vec![(3, 4)])));
        // Nothing is left beside it.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(load(&path).unwrap(), None);
    }

    #[test]
    fn another_image_or_place_is_not_gone_on_with() {
        assert_eq!(upload().differs_from(&upload()), None);
        for (earlier, says) in [
            (Upload { length: 512, ..upload() }, "512 bytes then and has 1024 now"),
            (Upload { digest: "bb".to_owned(), ..upload() }, "content has changed"),
            (Upload { region: "us-east-1".to_owned(), ..upload() }, "region us-east-1"),
            (Upload { identity: "other".to_owned(), ..upload() }, "another project"),
        ] {
            assert!(upload().differs_from(&earlier).is_some_and(|why| why.contains(says)), "{says}");
        }
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        let good = serde_json::to_string(&Record { schema: SCHEMA, upload: upload(), acknowledged: Ranges::default() });
        for (text, says) in [
            ("my notes".to_owned(), "name another --resume-file"),
            ("{}".to_owned(), "missing field"),
            (good.as_ref().unwrap().replace("\"schema\":1", "\"schema\":2"), "schema 2"),
            (good.as_ref().unwrap().replace("[]", "[[5,1]]"), "out of order"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("notes.txt"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
