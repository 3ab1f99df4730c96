//! A copy of the table, and the way back.
//!
//! DynamoDB has no view of one moment: a copy reads page after page, each strongly consistent, so each item is as it stood
//! at some moment between the copy's beginning and its end. It asks for its partitions by name and never for the table
//! (a bot may not scan it, nor see the watchdog's memory), and it is slow on purpose: the table's units are the lease's
//! first.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use relais_failover::wire::Record as _;
use relais_failover::{Board, EventRecord, LeaseRecord};
use relais_store::{Archive, Copying, Entry, LeaseStore as _, Restoration, RestoreError, StateItem, StoreError};
use tokio::time::sleep;

use crate::Dynamo;
use crate::call::Failure;
use crate::state::{DIGITS, built, judged};
use crate::table::{self, BOARD, BODY, CLASSES, EVENT, Item, PK, REVISION, SK, number, text};

/// Items of one page. Most are a few hundred bytes, so that a page is one or two units.
const PAGE: i32 = 16;
/// How long a copy waits for each read unit that it used: of the five units a second that a table has, it takes one.
const PER_UNIT: Duration = Duration::from_secs(1);
/// Bytes that one unit reads, strongly consistent (DynamoDB documentation, read consistency).
const UNIT: usize = 4096;
/// How often a page or an item waits for a table whose units are spent, and how long each time.
const WAITS: usize = 40;
const WAIT: Duration = Duration::from_secs(10);
/// More items than there are beside bot data, history and marks of operations: whoever reads so many sees one of those,
/// or all there is.
const SMALL_RECORDS: i32 = 8;

/// What a condition of a restore sees beside its `body`.
const DIGEST: &str = "digest";

/// A copy under way.
struct Copy<'a> {
    store: &'a Dynamo,
    board: Board,
    /// What is still to come of the board.
    first: Vec<Entry>,
    /// Which partition is read, and after which item.
    part: usize,
    after: Option<Item>,
    events: u64,
    /// What the last page used is waited for before the next one.
    owed: Duration,
}

#[async_trait]
impl Copying for Copy<'_> {
    fn board(&self) -> &Board {
        &self.board
    }

    async fn next(&mut self) -> Result<Vec<Entry>, StoreError> {
        if !self.first.is_empty() {
            return Ok(std::mem::take(&mut self.first));
        }
        while let Some(part) = [EVENT].iter().chain(&CLASSES).nth(self.part) {
            sleep(self.owed).await;
            let (items, next) = self.store.page(part, self.after.take()).await?;
            self.owed = PER_UNIT * units(&items);
            self.after = next;
            if self.after.is_none() {
                self.part += 1;
            }
            if !items.is_empty() {
                return items.iter().map(|item| self.entry(part, item)).collect();
            }
        }
        Ok(Vec::new())
    }
}

impl Copy<'_> {
    fn entry(&mut self, part: &str, item: &Item) -> Result<Entry, StoreError> {
        if part == EVENT {
            self.events += 1;
            return Ok(Entry::Event { number: self.events, record: self.store.record::<EventRecord>(item)? });
        }
        Ok(Entry::State(self.store.state_item(item)?))
    }
}

/// Read units that a page of these items uses.
fn units(items: &[Item]) -> u32 {
    let size = |value: &AttributeValue| match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        _ => 0,
    };
    let bytes: usize = items.iter().flatten().map(|(name, value)| name.len() + size(value)).sum();
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

/// Waits while the table has no units left, and asks again what was not answered: only for what may be done twice.
async fn patient<T, F: Future<Output = Result<T, StoreError>>>(mut work: impl FnMut() -> F) -> Result<T, StoreError> {
    for _ in 0..WAITS {
        match work().await {
            Err(StoreError::Busy { .. } | StoreError::Timeout) => sleep(WAIT).await,
            done => return done,
        }
    }
    work().await
}

impl Dynamo {
    /// A few items of a partition, and where the next ones begin.
    async fn page(&self, part: &str, after: Option<Item>) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true).limit(PAGE);
        let query = query.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", PK);
        let query = query.expression_attribute_values(":pk", text(part)).set_exclusive_start_key(after);
        let answer = patient(|| self.unconditional(|| query.clone().send())).await?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    pub(crate) async fn restoring(&self) -> Result<Option<Restoration>, StoreError> {
        let item = self.get(table::key(BOARD, Restoration::NAME)).await?;
        item.map(|item| self.record(&item)).transpose()
    }

    /// A restore of `source` must be under way.
    async fn under_way(&self, source: &Restoration) -> Result<(), RestoreError> {
        let lease = self.read_board().await?.lease;
        match (lease, self.restoring().await?) {
            (Some(lease), _) => Err(RestoreError::InUse { term: lease.term }),
            (None, None) => Err(RestoreError::NotBegun),
            (None, Some(other)) if other.digest != source.digest => Err(RestoreError::Another { digest: other.digest }),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Anything that a restore would mix with. Whoever restores may scan the table; a bot may not.
    async fn anything(&self) -> Result<Option<String>, StoreError> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true).limit(SMALL_RECORDS);
        let answer = patient(|| self.unconditional(|| scan.clone().send())).await?;
        for item in answer.items.unwrap_or_default() {
            let part = self.string(&item, PK)?;
            if part == EVENT || CLASSES.contains(&part) {
                return Ok(Some(format!("{part} items")));
            }
            if part.starts_with("OPERATION#") {
                return Ok(Some("marks of operations".to_owned()));
            }
        }
        Ok(None)
    }

    fn as_item(&self, entry: &Entry) -> Result<Item, StoreError> {
        match entry {
            Entry::Control(record) => table::item(BOARD, record).map_err(|error| self.wire(error)),
            Entry::Event { number, record } => {
                let mut item = table::item(EVENT, record).map_err(|error| self.wire(error))?;
                item.insert(SK.to_owned(), text(format!("{number:0DIGITS$}")));
                Ok(item)
            }
            Entry::State(StateItem { key, value, revision }) => {
                let mut item = table::state_key(key);
                item.insert(BODY.to_owned(), text(value.to_string()));
                item.insert(REVISION.to_owned(), number(revision));
                Ok(item)
            }
        }
    }

    fn marker(&self, source: &Restoration) -> Result<Item, StoreError> {
        let mut item = table::item(BOARD, source).map_err(|error| self.wire(error))?;
        item.insert(DIGEST.to_owned(), text(&source.digest));
        Ok(item)
    }
}

#[async_trait]
impl Archive for Dynamo {
    async fn copy<'a>(&'a self) -> Result<Box<dyn Copying + 'a>, StoreError> {
        let board = patient(|| self.read_board()).await?;
        let first = board.control.clone().map(Entry::Control).into_iter().collect();
        Ok(Box::new(Copy { store: self, board, first, part: 0, after: None, events: 0, owed: Duration::ZERO }))
    }

    async fn begin_restore(&self, source: &Restoration) -> Result<(), RestoreError> {
        match self.under_way(source).await {
            Err(RestoreError::NotBegun) => {}
            done => return done,
        }
        if let Some(what) = self.anything().await? {
            return Err(RestoreError::NotEmpty { what });
        }
        self.put_new(self.marker(source)?).await?;
        // Another one may have been first.
        self.under_way(source).await
    }

    async fn put_back(&self, source: &Restoration, entries: &[Entry]) -> Result<(), RestoreError> {
        self.under_way(source).await?;
        for entry in entries {
            let item = self.as_item(entry)?;
            patient(|| self.put_always(item.clone())).await?;
        }
        Ok(())
    }

    async fn finish_restore(&self, source: &Restoration, lease: &LeaseRecord) -> Result<(), RestoreError> {
        let item = table::lease(lease).map_err(|error| self.wire(error))?;
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PK);
        let gone = Delete::builder().table_name(&self.table).set_key(Some(table::key(BOARD, Restoration::NAME)));
        let gone = gone.condition_expression("#digest = :digest").expression_attribute_names("#digest", DIGEST);
        let gone = gone.expression_attribute_values(":digest", text(&source.digest));
        let put = TransactWriteItem::builder().put(put.build().map_err(built)?).build();
        let gone = TransactWriteItem::builder().delete(gone.build().map_err(built)?).build();
        let write = self.client.transact_write_items().transact_items(put).transact_items(gone);
        match self.call(|| write.clone().send(), judged).await {
            Ok(_) => Ok(()),
            Err(Failure::Store(error)) => Err(error.into()),
            Err(Failure::Said { error: TransactWriteItemsError::TransactionCanceledException(_), .. }) => {
                let there = self.read_board().await?.lease;
                if there.is_some_and(|there| there.version == lease.version) {
                    return Ok(());
                }
                self.under_way(source).await?;
                // What stood in the way is gone again.
                Err(StoreError::Timeout.into())
            }
            Err(Failure::Said { .. }) => Err(StoreError::Timeout.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_waited_for_by_what_it_used() {
        let item = |bytes: usize| Item::from([(BODY.to_owned(), text("x".repeat(bytes - BODY.len())))]);
        assert_eq!(units(&[]), 1);
        assert_eq!(units(&[item(100), item(3996)]), 1);
        assert_eq!(units(&[item(100), item(3997)]), 2);
        assert_eq!(units(&[item(400_000)]), 98);
    }
}
