//! The socket: translates Discord's gateway into handlers and signals, and leadership's orders into connections.
//!
//! Deliberately absent: reconnecting without a look at the lease, and deciding who may speak.

mod backoff;
mod budget;
mod conversation;
mod exchange;
mod link;
mod saver;
mod session;

use std::{sync::Arc, time::Duration};

use relais_failover::{Fence, FenceReason, SavedSession};
use relais_host::secret::Secret;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use self::session::{Progress, key as session_key};
use self::{conversation::Conversation, link::Prepared};
use crate::{
    interactions::{Desk, Tools},
    leadership::{Signal, Voice},
    registration,
    reminders::delivery::Delivery,
};

/// The voice of this site: at most one conversation with Discord.
pub struct Gateway {
    tools: Tools,
    prepared: Arc<Prepared>,
    rest_base: Option<String>,
    current: Option<Speaking>,
}

/// A term in which this site speaks.
struct Speaking {
    drain: watch::Sender<Option<Duration>>,
    hard: CancellationToken,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Prepares everything that takes time, so that a term begins at once. Needs a tokio runtime.
    #[must_use]
    pub fn new(tools: Tools, token: &Secret, rest_base: Option<String>) -> Self {
        Self { tools, prepared: Arc::new(Prepared::new(token.expose())), rest_base, current: None }
    }
}

impl Voice for Gateway {
    fn activate(&mut self, fence: Fence, session: Option<SavedSession>, planned: bool) {
        // A new term means that the last one was given up in order; what is left of it must not act under this one.
        if let Some(last) = self.current.take() {
            last.hard.cancel();
        }
        let hard = CancellationToken::new();
        let (drain, drained) = watch::channel(None);
        let desk = Desk::new(self.tools.clone(), fence, hard.clone());
        register(&desk, &self.tools, fence);
        // Beside the connection: a reminder needs REST only, and is due whether the gateway is up or not.
        desk.accompany(Delivery::new(self.tools.clone(), fence, desk.lanes()).run(desk.closing()));
        let conversation =
            Conversation::new(self.tools.clone(), self.prepared.clone(), self.rest_base.clone(), desk, fence, drained);
        let stop = hard.clone();
        let task = tokio::spawn(async move {
            stop.run_until_cancelled(conversation.hold(session, planned)).await;
        });
        self.current = Some(Speaking { drain, hard, task });
    }

    fn drain(&mut self, within: Duration) {
        let listening = self
            .current
            .as_ref()
            .is_some_and(|current| !current.task.is_finished() && current.drain.send(Some(within)).is_ok());
        if !listening {
            // Nothing speaks, so nothing is in flight.
            let _ = self.tools.signals.send(Signal::Drained);
        }
    }

    fn silence(&mut self, _reason: FenceReason) {
        if let Some(current) = self.current.take() {
            current.hard.cancel();
            current.task.abort();
        }
    }
}

/// Registers the commands beside the connection, if the table changed.
fn register(desk: &Desk, tools: &Tools, fence: Fence) {
    let tools = tools.clone();
    desk.accompany(async move {
        let effect_timeout = tools.policy.effect_timeout;
        match registration::ensure(&tools.store, &tools.http, &tools.permit, fence, effect_timeout).await {
            Ok(true) => tracing::info!("commands registered"),
            Ok(false) => {}
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "commands not registered");
            }
        }
    });
}
