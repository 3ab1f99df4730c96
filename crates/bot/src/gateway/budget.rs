//! The IDENTIFY budget of both sites together (S6): Discord resets the token of a bot that spends 1,000 a day.

use relais_failover::{
    Fence, WallClock,
    damping::{DAY, IdentifyBudget, identify_budget},
};
use relais_host::clock::random_128;
use relais_store::{CommitError, FencedWrite, OperationId, StateKey, Store, StoreError, Write};
use serde_json::json;
use tokio::time::timeout;

use crate::interactions::Tools;

/// Why an IDENTIFY may not leave.
#[derive(Debug, thiserror::Error)]
pub(super) enum BudgetError {
    /// All of the day's are spent.
    #[error("the budget of {0} IDENTIFYs a day is spent")]
    Spent(u32),
    /// Discord itself allows none any more today.
    #[error("discord has no session start left for this token")]
    NoneLeft,
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

/// Writes one IDENTIFY down before it is sent: of both sites and all shards together, `allowance` in 24 h. One call at a
/// time.
pub(super) async fn spend(tools: &Tools, fence: Fence, allowance: u32) -> Result<(), BudgetError> {
    let spent = spend_now(&*tools.store, tools.clock.wall(), allowance, fence);
    match timeout(tools.policy.request_timeout, spent).await {
        Ok(outcome) => outcome,
        Err(_) => Err(StoreError::Timeout.into()),
    }
}

async fn spend_now(store: &dyn Store, wall: WallClock, allowance: u32, fence: Fence) -> Result<(), BudgetError> {
    let kept = store.read(&key()).await?;
    let mut times: Vec<WallClock> =
        kept.and_then(|item| serde_json::from_value(item.value.get("at")?.clone()).ok()).unwrap_or_default();
    times.retain(|at| wall.since(*at) < DAY);
    let spent = match identify_budget(&times, wall, allowance) {
        IdentifyBudget::Left(spent) => spent,
        IdentifyBudget::Spent => {
            metrics::counter!("gateway_identify_refused_total").increment(1);
            return Err(BudgetError::Spent(allowance));
        }
    };
    if spent >= allowance / 5 * 4 {
        tracing::warn!(spent, of = allowance, "identify budget nearly spent");
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
