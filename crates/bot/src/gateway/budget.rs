//! The IDENTIFY budget of both sites together (S6): Discord resets the token of a bot that spends 1,000 a day.

use std::sync::Arc;

use relais_failover::{
    Fence, Policy, WallClock,
    damping::{DAY, IdentifyBudget, identify_budget},
};
use relais_host::clock::{Clock, random_128};
use relais_store::{CommitError, FencedWrite, OperationId, StateKey, Store, StoreError, Write};
use serde_json::json;
use tokio::time::timeout;

/// Why an IDENTIFY may not leave.
#[derive(Debug, thiserror::Error)]
pub(super) enum BudgetError {
    /// All of the day's are spent.
    #[error("the budget of {0} IDENTIFYs a day is spent")]
    Spent(u32),
    /// The lease is not ours any more.
    #[error("the lease was lost")]
    Fenced,
    /// It could not be written down.
    #[error("the budget could not be kept")]
    Store(#[from] StoreError),
}

/// Where the times are kept.
pub(super) fn key() -> StateKey {
    StateKey::state("IDENTIFY")
}

/// Writes one IDENTIFY down before it is sent.
pub(super) async fn spend(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    policy: Policy,
    fence: Fence,
) -> Result<(), BudgetError> {
    match timeout(policy.request_timeout, spend_now(&*store, clock.wall(), &policy, fence)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::Timeout.into()),
    }
}

async fn spend_now(store: &dyn Store, wall: WallClock, policy: &Policy, fence: Fence) -> Result<(), BudgetError> {
    let kept = store.read(&key()).await?;
    let mut times: Vec<WallClock> =
        kept.and_then(|item| serde_json::from_value(item.value.get("at")?.clone()).ok()).unwrap_or_default();
    times.retain(|at| wall.since(*at) < DAY);
    let spent = match identify_budget(&times, wall, policy) {
        IdentifyBudget::Left(spent) => spent,
        IdentifyBudget::Spent => {
            metrics::counter!("gateway_identify_refused_total").increment(1);
            return Err(BudgetError::Spent(policy.identifies_per_day));
        }
    };
    if spent >= policy.identifies_per_day / 5 * 4 {
        tracing::warn!(spent, of = policy.identifies_per_day, "identify budget nearly spent");
    }
    metrics::gauge!("gateway_identifies_24h").set(f64::from(spent + 1));
    times.push(wall);
    let tx = FencedWrite {
        fence,
        operation: OperationId::new(format!("identify-{:032x}", random_128())),
        writes: vec![Write::Put { key: key(), value: json!({ "at": times }) }],
    };
    match store.commit(&tx).await {
        Ok(_) => Ok(()),
        Err(CommitError::Fenced { .. }) => Err(BudgetError::Fenced),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
