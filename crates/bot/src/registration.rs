//! Tells Discord which commands there are: by the holder, and only when the table changed.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use relais_failover::Fence;
use relais_store::{CommitError, FencedWrite, OperationId, StateKey, Store, StoreError, Write};
use serde_json::{Value, json};
use serenity::http::Http;
use sha2::{Digest as _, Sha256};

use crate::{commands::TABLE, effect::Late, permit::Permit};

/// Why the commands are not registered now; the next term tries again.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// The right to act went before the effect.
    #[error("the lease does not allow it now")]
    NotPermitted,
    /// Discord did not answer within the time that an effect may take.
    #[error("discord did not answer in time")]
    Late,
    /// The lease was lost while it was noted down.
    #[error("the lease was lost")]
    Fenced,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Discord refused or could not be reached.
    #[error("discord did not take them")]
    Discord(#[from] Box<serenity::Error>),
}

/// Where the hash of the registered table is kept.
#[must_use]
pub fn key() -> StateKey {
    StateKey::state("COMMANDS")
}

/// The table as Discord gets it, keys sorted; the commands for operators only if there are any.
///
/// # Errors
/// Never in practice: a builder that has no JSON form.
pub fn table(operators: bool) -> Result<Value, serde_json::Error> {
    let told = TABLE.iter().filter(|command| operators || !command.operators);
    serde_json::to_value(told.map(|command| (command.register)()).collect::<Vec<_>>())
}

/// SHA-256 of the table's JSON text, in hexadecimal.
#[must_use]
pub fn hash(table: &Value) -> String {
    Sha256::digest(table.to_string()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Registers the table if Discord has another one. Answers whether it did.
///
/// # Errors
/// [`RegistrationError`].
pub async fn ensure(
    store: &Arc<dyn Store>,
    http: &Http,
    permit: &Permit,
    fence: Fence,
    operators: bool,
    effect_timeout: Duration,
) -> Result<bool, RegistrationError> {
    let table = table(operators).map_err(|error| Box::new(serenity::Error::Json(error)))?;
    let hash = hash(&table);
    let known = store.read(&key()).await?;
    if known.is_some_and(|item| item.value.get("hash").and_then(Value::as_str) == Some(&hash)) {
        return Ok(false);
    }
    if !permit.may_finish(fence) {
        return Err(RegistrationError::NotPermitted);
    }
    // A bulk overwrite: sending it twice is the same as once.
    permit
        .within(effect_timeout, http.create_global_commands(&table))
        .await
        .map_err(|Late| RegistrationError::Late)?
        .map_err(Box::new)?;
    let tx = FencedWrite {
        fence,
        operation: OperationId::new(format!("commands-{}-{hash}", fence.term)),
        writes: vec![Write::Put { key: key(), value: json!({ "hash": hash }) }],
    };
    match store.commit(&tx).await {
        Ok(_) => Ok(true),
        Err(CommitError::Fenced { .. }) => Err(RegistrationError::Fenced),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}
