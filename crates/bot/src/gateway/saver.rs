//! Saves the sessions in the order they moved, one write at a time, always the latest of each shard.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relais_failover::{Fence, SavedSession};
use relais_store::CommitError;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::session::{PER_WRITE, saving};
use crate::{interactions::Tools, leadership::Signal};

/// Sessions by shard.
pub(super) type Sessions = BTreeMap<u32, SavedSession>;

/// A task that writes `STATE#SESSION#…`; stopped when dropped. The shards have its [`Moved`], the fleet has it.
pub(super) struct Saver {
    moved: Arc<Moved>,
    last: CancellationToken,
    task: JoinHandle<()>,
    tools: Tools,
    fence: Fence,
}

/// What is to be saved next.
#[derive(Default)]
pub(super) struct Moved {
    sessions: Mutex<Sessions>,
    told: Notify,
}

impl Moved {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // Nothing that holds the lock can panic half-way.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn save(&self, shard: u32, session: SavedSession) {
        self.sessions().insert(shard, session);
        self.told.notify_one();
    }
}

impl Saver {
    /// A write waits for `gather`, so that it takes along what other shards save in the same moment.
    pub(super) fn new(tools: Tools, fence: Fence, gather: Duration) -> Self {
        let (moved, last) = (Arc::new(Moved::default()), CancellationToken::new());
        let task = tokio::spawn({
            let (tools, moved, last) = (tools.clone(), moved.clone(), last.clone());
            async move {
                let told = async || {
                    moved.told.notified().await;
                    sleep(gather).await;
                };
                while last.run_until_cancelled(told()).await.is_some() {
                    let sessions = std::mem::take(&mut *moved.sessions());
                    write(&tools, fence, &sessions).await;
                }
            }
        });
        Self { moved, last, task, tools, fence }
    }

    /// Where the shards put what moved.
    pub(super) fn moved(&self) -> Arc<Moved> {
        self.moved.clone()
    }

    /// Writes these as the last ones, after the write that may be under way, and waits for it.
    pub(super) async fn finish(mut self, sessions: &Sessions) {
        self.last.cancel();
        if timeout(self.tools.policy.request_timeout, &mut self.task).await.is_err() {
            tracing::warn!("session not saved in time");
        }
        write(&self.tools, self.fence, sessions).await;
    }
}

async fn write(tools: &Tools, fence: Fence, sessions: &Sessions) {
    let all: Vec<_> = sessions.iter().collect();
    for part in all.chunks(PER_WRITE) {
        let tx = saving(part, fence, tools.clock.wall());
        match timeout(tools.policy.request_timeout, tools.store.commit(&tx)).await {
            Ok(Ok(_)) => {}
            Ok(Err(CommitError::Fenced { .. })) => {
                let _ = tools.signals.send(Signal::Doubt);
            }
            Ok(Err(CommitError::Store(error))) => tracing::warn!(%error, "session not saved"),
            Err(_) => tracing::warn!("session not saved in time"),
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.task.abort();
    }
}
