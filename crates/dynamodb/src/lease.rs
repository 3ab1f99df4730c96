//! The lease and the small records around it.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, builders::PutItemFluentBuilder};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use relais_failover::wire::{self, Record as _};
use relais_failover::{Board, ControlRecord, HandbackRecord, LeaseOp, LeaseRecord, Site, Version, WatchRecord};
use relais_store::{LeaseError, LeaseStore, StoreError, WatchError};
use tokio::time::timeout;

use crate::Dynamo;
use crate::call::{Failure, Verdict};
use crate::table::{self, BOARD, BODY, Item, PK, REVISION, SITE, SK, VERSION, number, text};

/// How often the lease may change under one operation before it gives up. Its writers come every few seconds.
const TRIES: usize = 5;

/// A conditional write that found something else.
struct Found {
    /// What is there; none if nothing is.
    old: Option<Item>,
    /// It may be what this very call wrote.
    again: bool,
}

impl Dynamo {
    /// The time of one call of a port that takes several requests; one request has its own.
    pub(crate) async fn within<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        timeout(self.request_timeout + Duration::from_millis(1), work)
            .await
            .unwrap_or_else(|_late| Err(StoreError::Timeout.into()))
    }

    fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.client.put_item().table_name(&self.table).set_item(Some(item))
    }

    /// A write that needs its condition; the outer error is the store's, the inner one what was found instead.
    async fn put_if(&self, put: PutItemFluentBuilder) -> Result<Result<(), Found>, StoreError> {
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let judge = |error: &PutItemError| {
            matches!(error, PutItemError::ConditionalCheckFailedException(_)).then_some(Verdict::Condition)
        };
        match self.call(|| put.clone().send(), judge).await {
            Ok(_) => Ok(Ok(())),
            Err(Failure::Said { error: PutItemError::ConditionalCheckFailedException(failed), again }) => {
                Ok(Err(Found { old: failed.item, again }))
            }
            Err(Failure::Said { .. }) => Err(StoreError::Timeout),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    pub(crate) async fn put_always(&self, item: Item) -> Result<(), StoreError> {
        let put = self.put(item);
        self.unconditional(|| put.clone().send()).await.map(drop)
    }

    fn new_item(&self, item: Item) -> PutItemFluentBuilder {
        self.put(item).condition_expression("attribute_not_exists(#pk)").expression_attribute_names("#pk", PK)
    }

    /// Writes an item if there is none of its key; whichever is there then.
    pub(crate) async fn put_new(&self, item: Item) -> Result<(), StoreError> {
        self.put_if(self.new_item(item)).await.map(drop)
    }

    pub(crate) async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(self.unconditional(|| get.clone().send()).await?.item)
    }

    async fn read_lease(&self) -> Result<Option<LeaseRecord>, StoreError> {
        let item = self.get(table::key(BOARD, LeaseRecord::NAME)).await?;
        item.map(|item| self.record(&item)).transpose()
    }

    /// Replaces the lease if it still is the version that `next` was computed from.
    async fn replace(&self, next: &LeaseRecord, version: Version) -> Result<Result<(), Found>, StoreError> {
        let item = table::lease(next).map_err(|error| self.wire(error))?;
        let put = self.put(item).condition_expression("#version = :version");
        let put = put.expression_attribute_names("#version", VERSION);
        self.put_if(put.expression_attribute_values(":version", text(version.to_string()))).await
    }

    async fn change(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        let (mut current, mut remembered) = match self.seen() {
            Some(record) => (record, true),
            None => (self.read_lease().await?.ok_or(LeaseError::Missing)?, false),
        };
        for _ in 0..TRIES {
            let next = match op.apply(&current) {
                Ok(next) => next,
                // What is only remembered refuses nobody.
                Err(_) if remembered => {
                    (current, remembered) = (self.read_lease().await?.ok_or(LeaseError::Missing)?, false);
                    continue;
                }
                Err(refusal) => {
                    self.saw(Some(&current));
                    return Err(LeaseError::Refused(refusal));
                }
            };
            match self.replace(&next, current.version).await? {
                Ok(()) => {
                    self.saw(Some(&next));
                    return Ok(next);
                }
                Err(Found { old: None, .. }) => {
                    self.saw(None);
                    return Err(LeaseError::Missing);
                }
                Err(Found { old: Some(old), again }) => {
                    let old: LeaseRecord = self.record(&old)?;
                    if again && op.is_mine(&old) {
                        self.saw(Some(&old));
                        return Ok(old);
                    }
                    (current, remembered) = (old, false);
                }
            }
        }
        // The lease changed under each try; none of them was written.
        Err(self.busy(Duration::ZERO).into())
    }
}

#[async_trait]
impl LeaseStore for Dynamo {
    async fn init(&self, record: &LeaseRecord) -> Result<(), StoreError> {
        if self.restoring().await?.is_some() {
            return Err(StoreError::RestoreUnfinished);
        }
        let item = table::lease(record).map_err(|error| self.wire(error))?;
        match self.put_if(self.new_item(item)).await? {
            Ok(()) => Ok(()),
            Err(Found { old: Some(old), again: true }) if self.record::<LeaseRecord>(&old)? == *record => Ok(()),
            Err(_) => Err(StoreError::AlreadyInitialised),
        }
    }

    async fn read_board(&self) -> Result<Board, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("#pk = :board").expression_attribute_names("#pk", PK);
        let query = query.expression_attribute_values(":board", text(BOARD));
        let items = self.within(self.pages(query, usize::MAX)).await?;
        let mut board = Board::default();
        for item in items {
            match self.string(&item, SK)? {
                LeaseRecord::NAME => board.lease = Some(self.record(&item)?),
                HandbackRecord::NAME => board.handback = Some(self.record(&item)?),
                ControlRecord::NAME => board.control = Some(self.record(&item)?),
                // A later Relais may keep more there.
                _ => {}
            }
        }
        self.saw(board.lease.as_ref());
        Ok(board)
    }

    async fn apply(&self, op: &LeaseOp) -> Result<LeaseRecord, LeaseError> {
        self.within(self.change(op)).await
    }

    async fn put_handback(&self, record: &HandbackRecord) -> Result<(), StoreError> {
        let mut item = table::item(BOARD, record).map_err(|error| self.wire(error))?;
        item.insert(SITE.to_owned(), text(record.site.as_str()));
        self.put_always(item).await
    }

    async fn clear_handback(&self, site: Site) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete =
            delete.set_key(Some(table::key(BOARD, HandbackRecord::NAME))).condition_expression("#site = :site");
        let delete = delete.expression_attribute_names("#site", SITE);
        let delete = delete.expression_attribute_values(":site", text(site.as_str()));
        let judge = |error: &DeleteItemError| {
            matches!(error, DeleteItemError::ConditionalCheckFailedException(_)).then_some(Verdict::Condition)
        };
        match self.call(|| delete.clone().send(), judge).await {
            // Another site's, or none: it stays as it is.
            Ok(_) | Err(Failure::Said { .. }) => Ok(()),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    async fn put_control(&self, record: &ControlRecord) -> Result<(), StoreError> {
        let item = table::item(BOARD, record).map_err(|error| self.wire(error))?;
        self.put_always(item).await
    }

    async fn replace_control(
        &self,
        record: &ControlRecord,
        expected: Option<&ControlRecord>,
    ) -> Result<bool, StoreError> {
        let put = self.put(table::item(BOARD, record).map_err(|error| self.wire(error))?);
        let put = put.expression_attribute_names("#body", BODY);
        let put = match expected {
            None => put.condition_expression("attribute_not_exists(#body)"),
            Some(expected) => {
                let stands = wire::encode(expected).map_err(|error| self.wire(error))?;
                put.condition_expression("#body = :stands").expression_attribute_values(":stands", text(stands))
            }
        };
        match self.put_if(put).await? {
            Ok(()) => Ok(true),
            Err(Found { old: Some(old), again: true }) => Ok(self.record::<ControlRecord>(&old)? == *record),
            Err(_) => Ok(false),
        }
    }

    async fn read_watch(&self) -> Result<Option<WatchRecord>, StoreError> {
        let item = self.get(table::key(WatchRecord::NAME, WatchRecord::NAME)).await?;
        item.map(|item| self.record(&item)).transpose()
    }

    async fn write_watch(&self, record: &WatchRecord, expected_revision: Option<u64>) -> Result<(), WatchError> {
        let mut item = table::item(WatchRecord::NAME, record).map_err(|error| self.wire(error))?;
        item.insert(REVISION.to_owned(), number(record.revision));
        let put = self.put(item);
        let put = match expected_revision {
            None => put.condition_expression("attribute_not_exists(#body)").expression_attribute_names("#body", BODY),
            Some(revision) => put
                .condition_expression("#revision = :revision")
                .expression_attribute_names("#revision", REVISION)
                .expression_attribute_values(":revision", number(revision)),
        };
        match self.put_if(put).await? {
            Ok(()) => Ok(()),
            Err(Found { old, again }) => {
                let current: Option<WatchRecord> = old.map(|old| self.record(&old)).transpose()?;
                if again && current.as_ref() == Some(record) {
                    return Ok(());
                }
                Err(WatchError::Conflict { current: current.map(Box::new) })
            }
        }
    }
}
