//! The store that two sites share across the internet: one DynamoDB table (`docs/protocol.md`, records and operations).
//!
//! In reading order: [`table`] (what an item looks like), [`connect`](mod@connect) (how it is reached), the ports
//! (`lease`, `state`, `archive`), `call` (one deadline over all tries; what each of DynamoDB's errors means).
//!
//! How the three promises of [`relais_store::ports`] are kept:
//! - A condition and its effect are one step: the rules of the lease stay in [`LeaseOp::apply`](relais_failover::LeaseOp::apply),
//!   and its result replaces exactly the version that it was computed from. A refused condition answers the record that
//!   refused it (`ALL_OLD`), so a stale memory of the lease costs one more try and no read.
//! - Every read is strongly consistent.
//! - What was sent and not answered is [`StoreError::Timeout`](relais_store::StoreError), never success or failure.
//!   A try that is repeated inside a call carries the same client token, or is recognised by what it wrote.
//!
//! Deliberately absent: making the table (Terraform's), the SDK's own retries (they know no deadline of ours and do not
//! tell throttling from refusal), on-demand capacity, and any clock that decides: the one wall clock here dates the marks
//! of operations, so that DynamoDB throws them away after [`table::OPERATION_KEPT`].

mod archive;
mod call;
pub mod connect;
mod lease;
mod state;
pub mod table;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use relais_failover::LeaseRecord;

pub use connect::{connect, open, open_in};

/// A table, reached with one set of credentials.
#[derive(Debug)]
pub struct Dynamo {
    client: Client,
    table: String,
    /// Over all tries of one call.
    request_timeout: Duration,
    /// The lease as it was last seen: only ever a guess at what a condition will find.
    seen: Mutex<Option<LeaseRecord>>,
    /// Transactions of this process, one after the other: each checks the lease, and two that check one item at a time
    /// cancel each other (DynamoDB: "Transaction conflict handling").
    alone: tokio::sync::Mutex<()>,
}

impl Dynamo {
    /// A store on a client whose own retries are switched off ([`connect`](fn@connect) makes one).
    ///
    /// `request_timeout` is the policy's: from the call to its answer, all tries together.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, request_timeout: Duration) -> Self {
        Self {
            client,
            table: table.into(),
            request_timeout,
            seen: Mutex::new(None),
            alone: tokio::sync::Mutex::default(),
        }
    }

    fn seen(&self) -> Option<LeaseRecord> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn saw(&self, record: Option<&LeaseRecord>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = record.cloned();
    }
}
