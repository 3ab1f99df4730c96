//! Any store behind plain HTTP, for rehearsals on one machine: `POST /v1/<method>` with the method's argument as JSON,
//! answered by the method's result as JSON (`{"Ok": …}` with 200, `{"Err": …}` with 409).
//!
//! There is no way to make it slow or forgetful: that is the network's part, outside. A request that has arrived is
//! carried out to its end even if its caller goes away.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Json};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use relais_failover::{Board, ControlRecord, Fence, LeaseOp, LeaseRecord};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::error::{CommitError, LeaseError, RestoreError, StoreError};
use crate::limits::MAX_TRANSACTION_BYTES;
use crate::ports::Store;
use crate::records::{Committed, Entry, FencedWrite, OperationId, Restoration};

/// What the store did, told in the order in which it did it.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// The first lease record was written, of a new store or of one that a backup was put back into.
    Initialised {
        /// The record.
        record: LeaseRecord,
    },
    /// A claim acquired the lease: `record.term` is new.
    Granted {
        /// The record as written.
        record: LeaseRecord,
    },
    /// The holder renewed.
    Renewed {
        /// The record as written.
        record: LeaseRecord,
    },
    /// The holder gave the lease up, for `record.offer` or for anybody.
    GivenUp {
        /// The record as written.
        record: LeaseRecord,
    },
    /// A lease operation's condition did not hold.
    Refused {
        /// The operation.
        op: LeaseOp,
        /// The record that refused it; `None` if there is none.
        current: Option<LeaseRecord>,
    },
    /// A fenced write was applied, or had been.
    Committed {
        /// Who wrote under which term.
        fence: Fence,
        /// Which operation.
        operation: OperationId,
        /// Whether an earlier call had applied it.
        repeated: bool,
    },
    /// A fenced write was refused: its term has passed.
    Fenced {
        /// Who tried under which term.
        fence: Fence,
        /// Which operation.
        operation: OperationId,
        /// The lease as it stands; `None` if there is none.
        current: Option<LeaseRecord>,
    },
}

/// Hears what the store did. It is called before the answer goes out and holds up every further write: be quick.
pub type Observer = Arc<dyn Fn(&Observed) + Send + Sync>;

/// The argument of `write_watch`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WriteWatch<R> {
    pub(crate) record: R,
    pub(crate) expected_revision: Option<u64>,
}

/// The argument of `list`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) prefix: String,
    pub(crate) limit: usize,
}

/// The argument of `put_back`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PutBack<S, E> {
    pub(crate) source: S,
    pub(crate) entries: E,
}

/// The argument of `finish_restore`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FinishRestore<S, L> {
    pub(crate) source: S,
    pub(crate) lease: L,
}

/// The store's methods as routes.
pub fn router(store: Arc<dyn Store>) -> Router {
    observed(store, Arc::new(|_| {}))
}

/// The same, telling `observer` what the store did to the lease and to the state.
pub fn observed(store: Arc<dyn Store>, observer: Observer) -> Router {
    let served = Arc::new(Served { store, observer, order: Mutex::new(()) });
    Router::new()
        .route("/v1/init", method(&served, |s, record: LeaseRecord| async move { s.init(record).await }))
        .route("/v1/read_board", method(&served, |s, (): ()| async move { s.store.read_board().await }))
        .route("/v1/apply", method(&served, |s, op| async move { s.apply(op).await }))
        .route("/v1/put_handback", method(&served, |s, record| async move { s.store.put_handback(&record).await }))
        .route("/v1/clear_handback", method(&served, |s, site| async move { s.store.clear_handback(site).await }))
        .route("/v1/put_control", method(&served, |s, record| async move { s.store.put_control(&record).await }))
        .route(
            "/v1/replace_control",
            method(&served, |s, (record, expected): (ControlRecord, Option<ControlRecord>)| async move {
                s.store.replace_control(&record, expected.as_ref()).await
            }),
        )
        .route("/v1/read_watch", method(&served, |s, (): ()| async move { s.store.read_watch().await }))
        .route(
            "/v1/write_watch",
            method(&served, |s, WriteWatch { record, expected_revision }| async move {
                s.store.write_watch(&record, expected_revision).await
            }),
        )
        .route("/v1/commit", method(&served, |s, tx| async move { s.commit(tx).await }))
        .route("/v1/read", method(&served, |s, key| async move { s.store.read(&key).await }))
        .route(
            "/v1/list",
            method(&served, |s, List { prefix, limit }| async move { s.store.list(&prefix, limit).await }),
        )
        .route("/v1/recent", method(&served, |s, limit| async move { s.store.recent(limit).await }))
        .route("/v1/copy", method(&served, |s, (): ()| async move { s.copy().await }))
        .route(
            "/v1/begin_restore",
            method(&served, |s, source: Restoration| async move { s.store.begin_restore(&source).await }),
        )
        .route(
            "/v1/put_back",
            method(&served, |s, PutBack::<Restoration, Vec<Entry>> { source, entries }| async move {
                s.store.put_back(&source, &entries).await
            }),
        )
        .route(
            "/v1/finish_restore",
            method(&served, |s, FinishRestore { source, lease }| async move { s.finish_restore(source, lease).await }),
        )
        .layer(DefaultBodyLimit::max(2 * MAX_TRANSACTION_BYTES))
}

struct Served {
    store: Arc<dyn Store>,
    observer: Observer,
    /// Held from before a write until it was told, so that the observer hears the order of the writes.
    order: Mutex<()>,
}

impl Served {
    async fn init(&self, record: LeaseRecord) -> Result<(), StoreError> {
        let _ordered = self.order.lock().await;
        let answer = self.store.init(&record).await;
        if answer.is_ok() {
            (self.observer)(&Observed::Initialised { record });
        }
        answer
    }

    /// All of it at once: a rehearsal's store is small.
    async fn copy(&self) -> Result<(Board, Vec<Entry>), StoreError> {
        let mut copy = self.store.copy().await?;
        let (board, mut entries) = (copy.board().clone(), Vec::new());
        loop {
            let page = copy.next().await?;
            if page.is_empty() {
                return Ok((board, entries));
            }
            entries.extend(page);
        }
    }

    async fn finish_restore(&self, source: Restoration, record: LeaseRecord) -> Result<(), RestoreError> {
        let _ordered = self.order.lock().await;
        let answer = self.store.finish_restore(&source, &record).await;
        if answer.is_ok() {
            (self.observer)(&Observed::Initialised { record });
        }
        answer
    }

    async fn apply(&self, op: LeaseOp) -> Result<LeaseRecord, LeaseError> {
        let _ordered = self.order.lock().await;
        let answer = self.store.apply(&op).await;
        let seen = match &answer {
            Ok(record) => Some(match op {
                LeaseOp::AcquireFree { .. } | LeaseOp::AcquireStale { .. } => {
                    Observed::Granted { record: record.clone() }
                }
                LeaseOp::Renew { .. } => Observed::Renewed { record: record.clone() },
                LeaseOp::Offer { .. } | LeaseOp::Release { .. } => Observed::GivenUp { record: record.clone() },
            }),
            Err(LeaseError::Refused(refusal)) => {
                Some(Observed::Refused { op, current: Some((*refusal.current).clone()) })
            }
            Err(LeaseError::Missing) => Some(Observed::Refused { op, current: None }),
            Err(LeaseError::Store(_)) => None,
        };
        if let Some(seen) = seen {
            (self.observer)(&seen);
        }
        answer
    }

    async fn commit(&self, tx: FencedWrite) -> Result<Committed, CommitError> {
        let _ordered = self.order.lock().await;
        let answer = self.store.commit(&tx).await;
        let (fence, operation) = (tx.fence, tx.operation);
        let seen = match &answer {
            Ok(Committed::Applied) => Some(Observed::Committed { fence, operation, repeated: false }),
            Ok(Committed::Repeated) => Some(Observed::Committed { fence, operation, repeated: true }),
            Err(CommitError::Fenced { current }) => {
                Some(Observed::Fenced { fence, operation, current: current.as_deref().cloned() })
            }
            Err(CommitError::Store(_)) => None,
        };
        if let Some(seen) = seen {
            (self.observer)(&seen);
        }
        answer
    }
}

fn method<A, T, E, W>(
    served: &Arc<Served>,
    work: impl Fn(Arc<Served>, A) -> W + Clone + Send + Sync + 'static,
) -> axum::routing::MethodRouter
where
    A: DeserializeOwned + Send + 'static,
    T: Serialize + Send + 'static,
    E: Serialize + Send + 'static,
    W: Future<Output = Result<T, E>> + Send + 'static,
{
    let served = Arc::clone(served);
    post(move |Json(argument): Json<A>| async move {
        // A task of its own: when the caller hangs up, the server drops this handler, but not the task.
        match tokio::spawn(work(served, argument)).await {
            Ok(answer) => reply(&answer),
            Err(failed) => {
                tracing::error!(error = %failed, "store call failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    })
}

fn reply<T: Serialize, E: Serialize>(answer: &Result<T, E>) -> Response {
    let status = if answer.is_ok() { StatusCode::OK } else { StatusCode::CONFLICT };
    (status, Json(answer)).into_response()
}
