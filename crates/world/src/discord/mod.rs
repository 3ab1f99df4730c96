//! The small Discord: REST and gateway of Discord's API v10, in this process, over plain TCP.
//!
//! It keeps sessions with replay buffers, enforces the rules Relais depends on (three seconds, one first answer, nonces,
//! session starts, heartbeats), judges every request by Discord's own OpenAPI document and by what that document misses,
//! and writes a log in which every entry bears the listener it came in by: who spoke is never the sites' own word.
//!
//! Deliberately absent: TLS, the per-route rate limits (only scripted 429s), reading message history, voice, threads,
//! more than one application, ETF and zstd, channels of more than one guild. Files of a form are accepted and thrown away.

mod config;
mod gateway;
mod judge;
mod log;
mod objects;
mod payload;
mod rest;
mod scripts;
mod start;
mod state;
mod users;

use std::{collections::HashMap, fmt, net::SocketAddr, sync::Arc};

use serde_json::Value;

use self::state::Shared;
pub use self::{
    config::{Clock, DiscordConfig, OldSocket, Times},
    judge::AnswerJudge,
    log::{ClosedBy, DISCORD, Effect, EffectKind, EffectOutcome, Entry, Kind, Opened, Refused, Tally, Violation},
    payload::{
        Autocomplete, ButtonPress, CommandOption, FormSubmit, InteractionUser, OptionValue, SlashCommand, UserAction,
    },
    start::StartError,
    users::{Answered, InteractionHandle, Outcome, PostedMessage},
};

/// A running small Discord. Dropping it stops it; [`SmallDiscord::shutdown`] also waits.
pub struct SmallDiscord {
    shared: Arc<Shared>,
    addresses: HashMap<String, SocketAddr>,
}

impl SmallDiscord {
    /// The address the source's listener really has.
    #[must_use]
    pub fn address(&self, tag: &str) -> Option<SocketAddr> {
        self.addresses.get(tag).copied()
    }

    /// The gateway URL handed out to a source, by `GET /gateway` and by READY's `resume_gateway_url`.
    #[must_use]
    pub fn gateway_url_for(&self, tag: &str) -> Option<String> {
        self.shared.state().gateway_urls.get(tag).cloned()
    }

    /// Hands out another gateway URL to a source from now on: the proxy before this Discord (`ws://addr`, no path).
    pub fn set_gateway_url(&self, tag: &str, url: &str) {
        self.shared.state().gateway_urls.insert(tag.to_owned(), url.to_owned());
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.shared.log_since(0)
    }

    /// What happened since the log had `first` entries: for a live view.
    #[must_use]
    pub fn log_since(&self, first: usize) -> Vec<Entry> {
        self.shared.log_since(first)
    }

    /// The log and the messages summed up.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::of(&self.log());
        tally.duplicates += self.duplicate_messages();
        tally
    }

    /// Requests that broke a rule of Discord's.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.judge.violations()
    }

    /// Answers of the small Discord itself that Discord's document would not allow: a fault of the rehearsal.
    #[must_use]
    pub fn own_faults(&self) -> Vec<String> {
        self.shared.judge.own_faults()
    }

    /// Whether requests are judged by Discord's OpenAPI document, or by the hand-written rules alone.
    #[must_use]
    pub fn openapi_judged(&self) -> bool {
        self.shared.judge.has_document()
    }

    /// How many distinct operations had a request body judged by the document.
    #[must_use]
    pub fn operations_judged(&self) -> usize {
        self.shared.judge.operations_judged()
    }

    /// How many gateway sockets of a source are open.
    #[must_use]
    pub fn sockets(&self, tag: &str) -> usize {
        self.shared.state().sockets.values().filter(|socket| &*socket.source == tag).count()
    }

    /// How many sessions there are, connected or still to be resumed.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.state().sessions.len()
    }

    /// Sends any event to every session of the shard it concerns (by its `guild_id`; without one, the first), as Discord
    /// sends what other people do. Returns how many sessions there were.
    pub fn dispatch(&self, event: &str, data: &Value) -> usize {
        self.shared.state().dispatch(event, data)
    }

    /// Whether a command of this name is registered, globally or in the guild.
    #[must_use]
    pub fn is_registered(&self, command: &str) -> bool {
        self.shared.state().commands.values().any(|known| known["name"] == command)
    }

    /// Closes every socket and port and waits until nothing of it runs any more.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for SmallDiscord {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl fmt::Debug for SmallDiscord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallDiscord").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
