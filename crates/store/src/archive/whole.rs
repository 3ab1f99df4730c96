//! A copy that is in memory already.

use async_trait::async_trait;
use relais_failover::Board;

use crate::error::StoreError;
use crate::ports::Copying;
use crate::records::Entry;

/// Most entries that are handed over at a time.
pub(crate) const PAGE_ENTRIES: usize = 256;
/// Bytes of values after which no more are handed over at a time.
pub(crate) const PAGE_BYTES: usize = 512 * 1024;

/// Everything, handed over in small parts like any copy.
pub(crate) struct Whole {
    board: Board,
    left: std::vec::IntoIter<Entry>,
}

impl Whole {
    pub(crate) fn new(board: Board, entries: Vec<Entry>) -> Self {
        Self { board, left: entries.into_iter() }
    }
}

#[async_trait]
impl Copying for Whole {
    fn board(&self) -> &Board {
        &self.board
    }

    async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        Ok(self.left.by_ref().take(PAGE_ENTRIES).collect())
    }
}
