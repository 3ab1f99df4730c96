//! The bot's data under the fence, and the failover history.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use relais_failover::wire::Record as _;
use relais_failover::{EventRecord, Fence, LeaseRecord};
use relais_host::clock;
use relais_store::{
    CommitError, Committed, EventLog, FencedWrite, StateItem, StateKey, StateStore, StoreError, Write, limits,
};

use crate::Dynamo;
use crate::call::{Failure, Verdict};
use crate::table::{
    self, BOARD, BODY, CLASSES, EVENT, EXPIRES, Item, OPERATION_KEPT, PK, REVISION, SK, TERM, number, text,
};

/// How often another transaction may have appended to the history first. There is one holder, and it moves seldom.
const APPENDS: usize = 32;
/// Items of a page above which a query is not told how many are wanted.
const LARGEST_PAGE: i32 = 1_000;
/// Digits of an event's number: as many as 2^64 has.
pub(crate) const DIGITS: usize = 20;
/// The places of the mark and of the fence in each transaction.
const MARK: usize = 0;
const FENCE: usize = 1;
const CONDITION: &str = "ConditionalCheckFailed";

/// How a transaction was cancelled.
enum Cancelled {
    /// Its operation was carried out before.
    Repeated,
    /// The lease is another's; with the item, if there is one.
    Fenced(Option<Item>),
    /// Somebody appended to the history in between.
    Outrun,
}

impl Dynamo {
    /// All pages of a query, up to `limit` items.
    pub(crate) async fn pages(&self, query: QueryFluentBuilder, limit: usize) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut next): (Vec<Item>, Option<Item>) = (Vec::new(), None);
        while items.len() < limit {
            // A page ends at a megabyte by itself.
            let page = i32::try_from(limit - items.len()).ok().filter(|&page| page <= LARGEST_PAGE);
            let query = query.clone().set_limit(page).set_exclusive_start_key(next.take());
            let answer = self.unconditional(|| query.clone().send()).await?;
            items.extend(answer.items.unwrap_or_default());
            next = answer.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// The items of a class whose whole name begins with `prefix`.
    async fn class(&self, class: &str, prefix: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)");
        let query = query.expression_attribute_names("#pk", PK).expression_attribute_names("#sk", SK);
        let query = query.expression_attribute_values(":pk", text(class));
        self.pages(query.expression_attribute_values(":prefix", text(prefix)), limit).await
    }

    /// The last events, the newest first.
    async fn events(&self, limit: usize) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true).scan_index_forward(false);
        let query = query.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", PK);
        self.pages(query.expression_attribute_values(":pk", text(EVENT)), limit).await
    }

    /// The number of the next event.
    async fn next_event(&self) -> Result<u64, StoreError> {
        match self.events(1).await?.first() {
            None => Ok(0),
            Some(item) => {
                let last: u64 = self.string(item, SK)?.parse().map_err(|_| self.corrupt("an event has no number"))?;
                Ok(last + 1)
            }
        }
    }

    /// The condition and the mark, then what is written.
    fn transaction(&self, tx: &FencedWrite, mut event: u64) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = vec![self.mark(tx.operation.as_str())?, self.check(&tx.fence)?];
        for write in &tx.writes {
            items.push(match write {
                Write::Put { key, value } => {
                    let update = Update::builder().table_name(&self.table).set_key(Some(table::state_key(key)));
                    let expression = "SET #body = :body, #revision = if_not_exists(#revision, :zero) + :one";
                    let update = update.update_expression(expression);
                    let update = update.expression_attribute_names("#body", BODY);
                    let update = update.expression_attribute_names("#revision", REVISION);
                    let update = update.expression_attribute_values(":body", text(value.to_string()));
                    let update = update.expression_attribute_values(":zero", number(0));
                    let update = update.expression_attribute_values(":one", number(1)).build().map_err(built)?;
                    TransactWriteItem::builder().update(update).build()
                }
                Write::Delete { key } => {
                    let delete = Delete::builder().table_name(&self.table).set_key(Some(table::state_key(key)));
                    TransactWriteItem::builder().delete(delete.build().map_err(built)?).build()
                }
                Write::AppendEvent(record) => {
                    let mut item = table::item(EVENT, record).map_err(|error| self.wire(error))?;
                    item.insert(SK.to_owned(), text(format!("{event:0DIGITS$}")));
                    event += 1;
                    let put = Put::builder().table_name(&self.table).set_item(Some(item));
                    let put = put.condition_expression("attribute_not_exists(#pk)");
                    let put = put.expression_attribute_names("#pk", PK).build().map_err(built)?;
                    TransactWriteItem::builder().put(put).build()
                }
                Write::Control(record) => {
                    let item = table::item(BOARD, record).map_err(|error| self.wire(error))?;
                    let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(built)?;
                    TransactWriteItem::builder().put(put).build()
                }
            });
        }
        Ok(items)
    }

    /// The mark of an operation, which must not be there.
    fn mark(&self, operation: &str) -> Result<TransactWriteItem, StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut item = table::operation_key(operation);
        item.insert(EXPIRES.to_owned(), number((now + OPERATION_KEPT).as_secs()));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PK);
        Ok(TransactWriteItem::builder().put(put.build().map_err(built)?).build())
    }

    /// The lease must be held under this fence.
    fn check(&self, fence: &Fence) -> Result<TransactWriteItem, StoreError> {
        let mut check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(table::key(BOARD, LeaseRecord::NAME)))
            .condition_expression("#term = :term AND #holder = :holder AND #incarnation = :incarnation")
            .expression_attribute_names("#term", TERM)
            .expression_attribute_values(":term", number(fence.term.0))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in table::holder(fence) {
            check = check.expression_attribute_names(format!("#{name}"), name);
            check = check.expression_attribute_values(format!(":{name}"), value);
        }
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(built)?).build())
    }

    async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Result<(), Cancelled>, StoreError> {
        // One token for every try of this call: one that was carried out, though its answer was lost, is answered as done.
        let token = format!("{:032x}", clock::random_128());
        let request = self.client.transact_write_items().set_transact_items(Some(items)).client_request_token(token);
        match self.call(|| request.clone().send(), judged).await {
            Ok(_) => Ok(Ok(())),
            Err(Failure::Said { error: TransactWriteItemsError::TransactionCanceledException(said), .. }) => {
                let reasons = said.cancellation_reasons.unwrap_or_default();
                let failed = |reason: &CancellationReason| reason.code.as_deref() == Some(CONDITION);
                let failed_at = |place: usize| reasons.get(place).is_some_and(failed);
                Ok(Err(if failed_at(MARK) {
                    Cancelled::Repeated
                } else if failed_at(FENCE) {
                    let reason = reasons.into_iter().nth(FENCE);
                    Cancelled::Fenced(reason.and_then(|reason| reason.item).filter(|item| !item.is_empty()))
                } else {
                    Cancelled::Outrun
                }))
            }
            Err(Failure::Said { .. }) => Err(StoreError::Timeout),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    async fn write(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        let appends = tx.writes.iter().any(|write| matches!(write, Write::AppendEvent(_)));
        let _alone = self.alone.lock().await;
        for _ in 0..APPENDS {
            let event = if appends { self.next_event().await? } else { 0 };
            match self.transact(self.transaction(tx, event)?).await? {
                Ok(()) => return Ok(Committed::Applied),
                Err(Cancelled::Repeated) => return Ok(Committed::Repeated),
                Err(Cancelled::Fenced(item)) => {
                    let current: Option<LeaseRecord> = item.map(|item| self.record(&item)).transpose()?;
                    self.saw(current.as_ref());
                    return Err(CommitError::Fenced { current: current.map(Box::new) });
                }
                Err(Cancelled::Outrun) => {}
            }
        }
        Err(self.busy(Duration::ZERO).into())
    }
}

/// What a cancelled transaction means: a failed condition is the caller's to judge, all else passes.
pub(crate) fn judged(error: &TransactWriteItemsError) -> Option<Verdict> {
    let TransactWriteItemsError::TransactionCanceledException(said) = error else {
        return None;
    };
    let codes: Vec<&str> = said.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    let has = |code: &str| codes.contains(&code);
    Some(if has(CONDITION) {
        Verdict::Condition
    } else if has("TransactionConflict") || has("ProvisionedThroughputExceeded") || has("ThrottlingError") {
        Verdict::Busy
    } else {
        Verdict::Final(StoreError::Invalid { reason: format!("the transaction was cancelled: {}", codes.join(", ")) })
    })
}

pub(crate) fn built(error: BuildError) -> StoreError {
    StoreError::Invalid { reason: error.to_string() }
}

#[async_trait]
impl StateStore for Dynamo {
    async fn commit(&self, tx: &FencedWrite) -> Result<Committed, CommitError> {
        limits::check(tx)?;
        self.within(self.write(tx)).await
    }

    async fn read(&self, key: &StateKey) -> Result<Option<StateItem>, StoreError> {
        let item = self.get(table::state_key(key)).await?;
        item.map(|item| self.state_item(&item)).transpose()
    }

    async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<StateItem>, StoreError> {
        let work = async {
            let mut items = Vec::new();
            for class in CLASSES {
                let whole = format!("{class}#");
                if whole.starts_with(prefix) || prefix.starts_with(&whole) {
                    let begins = if prefix.len() > whole.len() { prefix } else { &whole };
                    items.extend(self.class(class, begins, limit - items.len()).await?);
                }
            }
            Ok(items)
        };
        let items: Vec<Item> = self.within(work).await?;
        items.iter().map(|item| self.state_item(item)).collect()
    }
}

#[async_trait]
impl EventLog for Dynamo {
    async fn recent(&self, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        let items = self.within(self.events(limit)).await?;
        items.iter().map(|item| self.record(item)).collect()
    }
}
