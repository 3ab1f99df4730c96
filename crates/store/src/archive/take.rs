//! Writing a backup.

use std::io;

use relais_failover::{Site, Term, WallClock};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::format::{Counts, End, Header, KIND, Line, SCHEMA, hex};
use crate::error::StoreError;
use crate::ports::Store;

/// Why no backup was taken. What was written until then is no backup: it has no last line.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup could not be written.
    #[error("write the backup")]
    Write(#[from] io::Error),
    /// There is nothing that a backup could be of.
    #[error(
        "the store has neither a lease record nor a history: it was never initialised, so there is nothing to copy"
    )]
    Empty,
}

/// A backup that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Who held the lease.
    pub site: Option<Site>,
    /// The term that it has.
    pub term: Term,
    /// What is in it.
    pub counts: Counts,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its last line: what a restore of it is known by.
    pub digest: String,
}

/// Copies everything from `store` to `to`, a few entries at a time, and flushes it. `wall` is now; `told` hears how much
/// there is so far.
///
/// # Errors
/// [`TakeError`].
pub async fn take(
    store: &dyn Store,
    to: &mut (dyn AsyncWrite + Unpin + Send),
    wall: WallClock,
    told: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Taken, TakeError> {
    let mut copy = store.copy().await?;
    let (site, term) = match &copy.board().lease {
        Some(lease) => (lease.holder.map(|claim| claim.site), lease.term),
        // The lease alone is lost: what users wrote is worth a copy all the same.
        None => (None, store.recent(1).await?.first().ok_or(TakeError::Empty)?.term),
    };
    let mut out = Out { to, hash: Sha256::new(), lines: 0, bytes: 0 };
    let header = Header { backup: KIND.to_owned(), schema: SCHEMA, taken: wall, site, term };
    out.lines(&[header]).await?;
    let mut counts = Counts::default();
    loop {
        let page = copy.next().await?;
        if page.is_empty() {
            break;
        }
        page.iter().for_each(|entry| counts.count(entry));
        out.lines(&page).await?;
        told(&counts);
    }
    let (digest, lines) = (hex(out.hash.clone()), out.lines);
    out.lines(&[Line::End { end: End { lines, counts, sha256: digest.clone() } }]).await?;
    out.to.flush().await?;
    Ok(Taken { site, term, counts, bytes: out.bytes, digest })
}

/// Where the lines go, and what was seen of them.
struct Out<'a> {
    to: &'a mut (dyn AsyncWrite + Unpin + Send),
    hash: Sha256,
    lines: u64,
    bytes: u64,
}

impl Out<'_> {
    async fn lines<T: Serialize + Sync>(&mut self, lines: &[T]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
            self.lines += 1;
        }
        self.hash.update(&text);
        self.bytes += text.len() as u64;
        self.to.write_all(&text).await
    }
}
