//! A copy of one moment of the file: a thread of its own reads in one transaction, which holds up nobody. While it lasts
//! the write-ahead log cannot be begun anew, so it grows by what is written meanwhile.

use async_trait::async_trait;
use relais_failover::Board;
use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::fault::{Fault, File};
use super::{SqliteOptions, connection, queries};
use crate::archive::{PAGE_BYTES, PAGE_ENTRIES};
use crate::error::StoreError;
use crate::ports::Copying;
use crate::records::Entry;

type Page = Result<Vec<Entry>, StoreError>;

/// The receiving end; the thread ends when it is dropped.
pub(super) struct Copy {
    board: Board,
    pages: mpsc::Receiver<Page>,
    file: File,
}

/// Starts the thread and waits until its moment is fixed.
pub(super) async fn begin(file: &File, options: SqliteOptions) -> Result<Copy, StoreError> {
    let (begun, told) = oneshot::channel();
    // One page waits while the next is read.
    let (pages, received) = mpsc::channel(1);
    let own = file.clone();
    std::thread::Builder::new()
        .name("relais-store-copy".to_owned())
        .spawn(move || {
            if let Err(error) = run(&own, options, begun, &pages) {
                let _gone = pages.blocking_send(Err(error));
            }
        })
        .map_err(|error| file.unreachable(format_args!("no thread for a copy: {error}")))?;
    match told.await {
        Ok(board) => Ok(Copy { board, pages: received, file: file.clone() }),
        // The thread ended before it began; it may have said why.
        Err(_) => Err(reason(received, file).await),
    }
}

async fn reason(mut pages: mpsc::Receiver<Page>, file: &File) -> StoreError {
    match pages.recv().await {
        Some(Err(error)) => error,
        Some(Ok(_)) | None => file.unreachable("the thread of a copy has ended"),
    }
}

fn run(
    file: &File,
    options: SqliteOptions,
    begun: oneshot::Sender<Board>,
    pages: &mpsc::Sender<Page>,
) -> Result<(), StoreError> {
    let mut connection = connection::beside(file, options)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(|error| file.error(&error))?;
    // The first read fixes the moment.
    let board = queries::board(&tx).map_err(|fault| fault.of(file))?;
    if begun.send(board.clone()).is_err() {
        return Ok(());
    }
    let mut sending = Sending { pages, page: Vec::new(), bytes: 0 };
    let gone = sending.all(&tx, &board).map_err(|fault| fault.of(file))?.is_none();
    if !gone {
        let _gone = pages.blocking_send(Ok(Vec::new()));
    }
    Ok(())
}

struct Sending<'a> {
    pages: &'a mpsc::Sender<Page>,
    page: Vec<Entry>,
    bytes: usize,
}

impl Sending<'_> {
    /// None if nobody listens any more.
    fn all(&mut self, tx: &Transaction<'_>, board: &Board) -> Result<Option<()>, Fault<StoreError>> {
        self.page.extend(board.control.clone().map(Entry::Control));
        let mut events = tx.prepare("SELECT body FROM event ORDER BY position")?;
        let mut rows = events.query([])?;
        let mut number = 0;
        while let Some(row) = rows.next()? {
            number += 1;
            let entry = Entry::Event { number, record: queries::event(row)? };
            if self.add(entry, 0).is_none() {
                return Ok(None);
            }
        }
        let mut items = tx.prepare("SELECT key, value, revision FROM state ORDER BY key")?;
        let mut rows = items.query([])?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_bytes().map_or(0, <[u8]>::len);
            let entry = Entry::State(queries::state_item(row)?);
            if self.add(entry, bytes).is_none() {
                return Ok(None);
            }
        }
        Ok(self.send())
    }

    fn add(&mut self, entry: Entry, bytes: usize) -> Option<()> {
        self.page.push(entry);
        self.bytes += bytes;
        if self.page.len() >= PAGE_ENTRIES || self.bytes >= PAGE_BYTES { self.send() } else { Some(()) }
    }

    fn send(&mut self) -> Option<()> {
        self.bytes = 0;
        let page = std::mem::take(&mut self.page);
        if page.is_empty() { Some(()) } else { self.pages.blocking_send(Ok(page)).ok() }
    }
}

#[async_trait]
impl Copying for Copy {
    fn board(&self) -> &Board {
        &self.board
    }

    async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        match self.pages.recv().await {
            Some(page) => {
                if page.as_ref().is_ok_and(Vec::is_empty) {
                    // So that the next call finds an end, and not a thread that is gone.
                    self.pages = ended();
                }
                page
            }
            None => Err(self.file.unreachable("the thread of a copy has ended")),
        }
    }
}

/// A thread that has nothing more to say.
fn ended() -> mpsc::Receiver<Page> {
    let (last, pages) = mpsc::channel(1);
    let _there_is_room = last.try_send(Ok(Vec::new()));
    pages
}
