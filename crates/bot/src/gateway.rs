//! The socket: translates Discord's gateway into handlers and signals, and leadership's orders into connections.
//!
//! Deliberately absent: reconnecting without a look at the lease, and deciding who may speak.

mod backoff;
mod budget;
mod conversation;
mod decode;
mod directory;
mod exchange;
mod fleet;
mod identifies;
mod link;
mod saver;
mod session;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relais_failover::{Fence, FenceReason, SavedSession};
use relais_host::secret::Secret;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{conversation::Common, directory::Directory, fleet::Fleet, identifies::Identifies, link::Prepared};
pub use self::{
    decode::{Heard, Undecodable, decode},
    session::{Progress, is_one as is_session, key as session_key},
};
use crate::{
    backup::Backups,
    interactions::{Desk, Tools},
    leadership::{Signal, Voice},
    presence::Presence,
    registration,
    reminders::delivery::Delivery,
};

/// How this bot meets the gateway, and what it does beside it.
pub struct Manner {
    /// The bot's token.
    pub token: Secret,
    /// A Discord other than the real one.
    pub rest_base: Option<String>,
    /// How many shards; none: as many as Discord recommends.
    pub shards: Option<NonZeroU32>,
    /// What the bot shows about itself; none: nothing.
    pub presence: Option<Presence>,
    /// What copies the store while a term lasts; none: nobody.
    pub backups: Option<Backups>,
}

/// The voice of this site: at most one conversation of each shard with Discord.
pub struct Gateway {
    tools: Tools,
    prepared: Arc<Prepared>,
    directory: Arc<Directory>,
    identifies: Arc<Identifies>,
    shards: Option<NonZeroU32>,
    backups: Option<Backups>,
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
    pub fn new(tools: Tools, manner: Manner) -> Self {
        let presence = manner.presence.map(|presence| presence.shown_at(tools.permit.site()));
        let prepared = Arc::new(Prepared::new(manner.token.expose(), presence));
        let directory = Arc::new(Directory::new(tools.clone(), manner.rest_base));
        let identifies = Arc::new(Identifies::new(tools.clone()));
        let Manner { shards, backups, .. } = manner;
        Self { tools, prepared, directory, identifies, shards, backups, current: None }
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
        if let Some(backups) = self.backups.clone() {
            let closing = desk.closing();
            desk.accompany(async move { backups.run(fence, closing).await });
        }
        let common = Common {
            tools: self.tools.clone(),
            prepared: self.prepared.clone(),
            desk,
            fence,
            directory: self.directory.clone(),
            identifies: self.identifies.clone(),
            drained,
        };
        let fleet = Fleet::new(common, self.shards);
        let stop = hard.clone();
        let task = tokio::spawn(async move {
            stop.run_until_cancelled(fleet.hold(session, planned)).await;
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
        let operators = !tools.operators.is_empty();
        match registration::ensure(&tools.store, &tools.http, &tools.permit, fence, operators, effect_timeout).await {
            Ok(true) => tracing::info!("commands registered"),
            Ok(false) => {}
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "commands not registered");
            }
        }
    });
}
