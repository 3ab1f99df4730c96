//! Putting a backup back.

use std::io::BufRead;

use relais_failover::{ControlRecord, LeaseRecord, Term, Version, WallClock, wire};

use super::format::Counts;
use super::reader::{Checked, ReadError, Reader};
use crate::error::{RestoreError, StoreError};
use crate::limits::text;
use crate::ports::Store;
use crate::records::{Entry, Restoration, StateItem, StateKey};

/// How far the first term after a restore is above the backup's. Terms went on after the copy, and whoever still believes in
/// one of those must find it lower than the next. A bot spends at most a hundred of Discord's thousand session starts a day
/// (S6), and hardly a term begins without one, so this is enough for a backup of three months.
pub const TERMS_APART: u64 = 10_000;

/// Entries that are written at a time, at most.
const CHUNK: usize = 64;
/// Bytes of values after which a chunk is written.
const CHUNK_BYTES: usize = 256 * 1024;
/// How often a write whose answer was lost is sent again: each writes the same.
const TRIES: usize = 3;

/// Why a restore ended early. It can be begun again with the same backup; until it has ended the store has no lease.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFailure {
    /// The store refused it, or failed.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The backup is not what it was when it was checked, or cannot be read any more.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An item that a newer program wrote.
    #[error(transparent)]
    Unknown(#[from] UnknownForm),
}

/// An item whose form is not known here, although the file's is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} has a form that this Relais does not know: go on with the newer one that wrote it")]
pub struct UnknownForm {
    /// Which item.
    pub key: StateKey,
}

/// What the new lease record is made of.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// A new version.
    pub version: Version,
    /// The policy's time to live.
    pub ttl: std::time::Duration,
    /// Now.
    pub wall: WallClock,
}

/// A restore that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The term of the new lease record. It has no holder, so the first term is the next one.
    pub term: Term,
    /// What was written.
    pub counts: Counts,
    /// The override that was in force when the copy was made, or had been. It is not put back: its operator may have taken it
    /// back since, and can ask again.
    pub control: Option<ControlRecord>,
}

/// Puts a backup that was [checked](super::verify) back into an empty store: everything else first, the lease record
/// last, with no holder and a term that is [`TERMS_APART`] above the backup's. `reader` reads the same file from its
/// beginning. `mend` says what an item becomes: itself, nothing, or itself with what belongs to it; it is asked about each.
/// `told` hears how many entries are done.
///
/// # Errors
/// [`RestoreFailure`].
pub async fn restore<R: BufRead + Send>(
    store: &dyn Store,
    checked: &Checked,
    mut reader: Reader<R>,
    fresh: Fresh,
    mend: &mut (dyn FnMut(StateItem) -> Result<Vec<StateItem>, UnknownForm> + Send),
    told: &mut (dyn FnMut(u64) + Send),
) -> Result<Restored, RestoreFailure> {
    let source = Restoration { schema: wire::SCHEMA, digest: checked.end.sha256.clone(), wall_hint: fresh.wall };
    again(|| store.begin_restore(&source)).await?;
    let (mut chunk, mut bytes, mut read) = (Vec::new(), 0, 0);
    let (mut counts, mut control) = (Counts::default(), None);
    while let Some(entry) = reader.next()? {
        read += 1;
        match entry {
            Entry::Control(record) => control = Some(record),
            event @ Entry::Event { .. } => chunk.push(event),
            Entry::State(item) => {
                for item in mend(item)? {
                    bytes += item.key.as_str().len() + text(&item.value).len();
                    chunk.push(Entry::State(item));
                }
            }
        }
        if chunk.len() >= CHUNK || bytes >= CHUNK_BYTES {
            put(store, &source, &mut chunk, &mut counts).await?;
            bytes = 0;
            told(read);
        }
    }
    put(store, &source, &mut chunk, &mut counts).await?;
    told(read);
    // It was whole when it was checked; it must still be the same file.
    if reader.end() != Some(&checked.end) {
        return Err(ReadError::Changed { what: "the file" }.into());
    }
    let term = Term(checked.header.term.0.saturating_add(TERMS_APART));
    let lease = LeaseRecord { term, ..LeaseRecord::initial(fresh.version, fresh.ttl, fresh.wall) };
    again(|| store.finish_restore(&source, &lease)).await?;
    Ok(Restored { term, counts, control })
}

async fn put(
    store: &dyn Store,
    source: &Restoration,
    chunk: &mut Vec<Entry>,
    counts: &mut Counts,
) -> Result<(), RestoreError> {
    if !chunk.is_empty() {
        again(|| store.put_back(source, chunk)).await?;
        chunk.iter().for_each(|entry| counts.count(entry));
        chunk.clear();
    }
    Ok(())
}

/// Sends a write again whose answer was lost.
async fn again<F: Future<Output = Result<(), RestoreError>>>(mut write: impl FnMut() -> F) -> Result<(), RestoreError> {
    let mut tries = 1;
    loop {
        match write().await {
            Err(RestoreError::Store(StoreError::Timeout)) if tries < TRIES => tries += 1,
            done => return done,
        }
    }
}
