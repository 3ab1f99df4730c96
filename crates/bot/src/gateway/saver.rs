//! Saves the session in the order it moved, one write at a time, always the latest.

use relais_failover::{Fence, SavedSession};
use relais_store::CommitError;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::session::saving;
use crate::{interactions::Tools, leadership::Signal};

/// A task that writes `STATE#SESSION#0`; stopped when dropped.
pub(super) struct Saver {
    latest: watch::Sender<Option<SavedSession>>,
    task: JoinHandle<()>,
}

impl Saver {
    pub(super) fn new(tools: Tools, fence: Fence) -> Self {
        let (latest, mut moved) = watch::channel::<Option<SavedSession>>(None);
        let task = tokio::spawn(async move {
            while moved.changed().await.is_ok() {
                let Some(session) = moved.borrow_and_update().clone() else { continue };
                let tx = saving(&session, fence, tools.clock.wall());
                match timeout(tools.policy.request_timeout, tools.store.commit(&tx)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(CommitError::Fenced { .. })) => {
                        let _ = tools.signals.send(Signal::Doubt);
                    }
                    Ok(Err(CommitError::Store(error))) => tracing::warn!(%error, "session not saved"),
                    Err(_) => tracing::warn!("session not saved in time"),
                }
            }
        });
        Self { latest, task }
    }

    pub(super) fn save(&self, session: SavedSession) {
        self.latest.send_replace(Some(session));
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.task.abort();
    }
}
