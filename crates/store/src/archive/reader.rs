//! Reading a backup: nothing is believed of a file that is not whole.

use std::io::{self, BufRead, Read as _};

use relais_failover::wire;
use sha2::{Digest as _, Sha256};

use super::format::{Counts, End, Header, KIND, Line, MAX_LINE, SCHEMA, hex};
use crate::records::Entry;

/// Why a file is not put back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("read the backup")]
    Io(#[from] io::Error),
    /// Its first line is another program's.
    #[error("it is no backup of Relais: its first line says {said:?}")]
    Foreign {
        /// The beginning of that line.
        said: String,
    },
    /// A newer program wrote it.
    #[error(
        "the backup, or line {line} of it, has form {found}, this Relais reads up to {SCHEMA}: use the newer Relais"
    )]
    Newer {
        /// Which line, from 1.
        line: u64,
        /// Its form.
        found: u32,
    },
    /// Its last line is missing, or the end of it.
    #[error("the backup was cut short after {lines} lines: take another one")]
    CutShort {
        /// Whole lines that it has.
        lines: u64,
    },
    /// A line that no backup has.
    #[error("line {line} of the backup is damaged ({reason}): take another one")]
    Damaged {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Its content is not what its last line says.
    #[error("the backup was changed after it was taken: {what} is not what its last line says; take another one")]
    Changed {
        /// What differs.
        what: &'static str,
    },
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its first line.
    pub header: Header,
    /// Its last line.
    pub end: End,
}

/// Reads a backup to its end and keeps nothing of it.
///
/// # Errors
/// [`ReadError`].
pub fn verify(from: impl BufRead) -> Result<Checked, ReadError> {
    let mut reader = Reader::open(from)?;
    while reader.next()?.is_some() {}
    let end = reader.end.take().ok_or(ReadError::CutShort { lines: reader.lines })?;
    Ok(Checked { header: reader.header, end })
}

/// A backup that is being read. Only after its last entry is it known to be whole.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    header: Header,
    hash: Sha256,
    lines: u64,
    counts: Counts,
    events: u64,
    end: Option<End>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(mut from: R) -> Result<Self, ReadError> {
        let mut hash = Sha256::new();
        let line = line(&mut from, 1)?.ok_or(ReadError::CutShort { lines: 0 })?;
        let foreign =
            || ReadError::Foreign { said: String::from_utf8_lossy(&line).trim_end().chars().take(40).collect() };
        let any: serde_json::Value = serde_json::from_slice(&line).map_err(|_| foreign())?;
        if any.get("backup").and_then(|kind| kind.as_str()) != Some(KIND) {
            return Err(foreign());
        }
        // Looked at before anything else of it: what a newer form has is not known here.
        let schema = any.get("schema").and_then(serde_json::Value::as_u64);
        if let Some(found) = schema.filter(|found| *found > u64::from(SCHEMA)) {
            return Err(ReadError::Newer { line: 1, found: u32::try_from(found).unwrap_or(u32::MAX) });
        }
        let header = serde_json::from_value(any).map_err(|error| damaged(1, &error))?;
        hash.update(&line);
        Ok(Self { from, header, hash, lines: 1, counts: Counts::default(), events: 0, end: None })
    }

    /// The first line.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The last line, once it was read.
    #[must_use]
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The next entry; none at the end of a file that is whole.
    ///
    /// # Errors
    /// [`ReadError`].
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let number = self.lines + 1;
        let text = line(&mut self.from, number)?.ok_or(ReadError::CutShort { lines: self.lines })?;
        match serde_json::from_slice(&text).map_err(|error| damaged(number, &error))? {
            Line::End { end } => {
                self.finish(&end)?;
                self.end = Some(end);
                Ok(None)
            }
            Line::Entry(entry) => {
                self.hash.update(&text);
                self.lines = number;
                self.counts.count(&entry);
                self.known(&entry)?;
                Ok(Some(entry))
            }
        }
    }

    /// The form and the place of a record.
    fn known(&mut self, entry: &Entry) -> Result<(), ReadError> {
        let schema = match entry {
            Entry::Control(record) => record.schema,
            Entry::Event { number, record } => {
                self.events += 1;
                if *number != self.events {
                    return Err(damaged(self.lines, &format_args!("event {number} follows {}", self.events - 1)));
                }
                record.schema
            }
            Entry::State(_) => wire::SCHEMA,
        };
        if schema > wire::SCHEMA { Err(ReadError::Newer { line: self.lines, found: schema }) } else { Ok(()) }
    }

    fn finish(&mut self, end: &End) -> Result<(), ReadError> {
        let differs = [
            (end.lines != self.lines, "the number of lines"),
            (end.sha256 != hex(self.hash.clone()), "the SHA-256 of its content"),
            (end.counts != self.counts, "the number of entries"),
        ];
        if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Err(ReadError::Changed { what });
        }
        if self.from.fill_buf()?.is_empty() {
            Ok(())
        } else {
            Err(ReadError::Changed { what: "what stands behind it" })
        }
    }
}

/// A whole line with its end; none if the file ends before it.
fn line(from: &mut impl BufRead, number: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut line = Vec::new();
    from.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
    if line.len() > MAX_LINE {
        return Err(damaged(number, &format_args!("it has more than {MAX_LINE} bytes")));
    }
    Ok((line.last() == Some(&b'\n')).then_some(line))
}

fn damaged(line: u64, reason: &dyn std::fmt::Display) -> ReadError {
    ReadError::Damaged { line, reason: reason.to_string() }
}
