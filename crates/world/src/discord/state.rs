//! Everything the small Discord remembers, behind one lock, and the janitor that lets it forget.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    config::{DiscordConfig, Times, millis},
    gateway::{Session, Socket},
    judge::Judge,
    log::{DISCORD, Entry, Kind, Violation},
    scripts::Scripts,
};

/// Milliseconds between the Unix epoch and Discord's.
const DISCORD_EPOCH: u64 = 1_420_070_400_000;

/// What every listener, socket and caller shares.
pub(super) struct Shared {
    pub(super) config: DiscordConfig,
    /// `config.times`, paced.
    pub(super) times: Times,
    pub(super) judge: Judge,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    state: Mutex<State>,
    log: Mutex<Vec<Entry>>,
}

/// What changes.
#[derive(Default)]
pub(super) struct State {
    pub(super) sockets: HashMap<u64, Socket>,
    pub(super) sessions: HashMap<String, Session>,
    /// Granted IDENTIFYs: their line and moment.
    pub(super) identifies: VecDeque<(u32, u64)>,
    pub(super) shards: Shards,
    pub(super) starts: StartLimit,
    pub(super) token_void: bool,
    pub(super) gateway_urls: HashMap<String, String>,
    pub(super) interactions: HashMap<u64, Interaction>,
    pub(super) tokens: HashMap<String, u64>,
    /// Interactions nobody answered yet, oldest first (answered ones leave lazily).
    pub(super) pending: VecDeque<u64>,
    pub(super) messages: HashMap<u64, Message>,
    /// `enforce_nonce`: channel and nonce to message and moment.
    pub(super) nonces: HashMap<(u64, String), (u64, u64)>,
    /// Messages ever made of a channel and nonce.
    pub(super) sent: HashMap<(u64, String), usize>,
    /// Private channels by user.
    pub(super) private: HashMap<u64, u64>,
    /// Commands by guild (`None` = global) and id.
    pub(super) commands: BTreeMap<(Option<u64>, u64), Value>,
    pub(super) commands_created: VecDeque<u64>,
    pub(super) scripts: Scripts,
    last_snowflake: u64,
    last_serial: u64,
}

/// How many shards Discord wants the bot to have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shards {
    /// What `GET /gateway/bot` recommends.
    pub(super) recommended: u32,
    /// Fewer are refused with 4011.
    pub(super) least: u32,
}

/// The session start limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StartLimit {
    pub(super) used: u32,
    pub(super) resets_at: u64,
}

/// One interaction as Discord remembers it.
pub(super) struct Interaction {
    pub(super) token: String,
    /// Discord's interaction type (2 command, 3 component, 4 autocomplete, 5 modal).
    pub(super) kind: u8,
    pub(super) channel: u64,
    pub(super) guild: Option<u64>,
    pub(super) user: Value,
    /// The message a component sits on.
    pub(super) on_message: Option<u64>,
    pub(super) created: u64,
    pub(super) answers: Vec<Accepted>,
    pub(super) original: Option<u64>,
    pub(super) stage: watch::Sender<Stage>,
}

/// An accepted first answer.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) by: Arc<str>,
    pub(super) at: u64,
    pub(super) callback: u8,
    pub(super) data: Value,
}

/// How far an interaction is, as its user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Thinking,
    Answered,
    Expired,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) channel: u64,
    pub(super) by: Arc<str>,
    pub(super) nonce: Option<String>,
    pub(super) at: u64,
    /// The message object as Discord shows it.
    pub(super) object: Value,
}

impl Shared {
    pub(super) fn new(config: DiscordConfig, judge: Judge) -> Self {
        let times = config.times.paced(config.pace);
        let shards = Shards { recommended: config.shards, least: 0 };
        let state = State { gateway_urls: config.gateway_urls.clone(), shards, ..State::default() };
        Self {
            config,
            times,
            judge,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            state: Mutex::new(state),
            log: Mutex::new(Vec::new()),
        }
    }

    /// The state. A panic elsewhere cannot leave it half changed in a way that matters to a rehearsal.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> u64 {
        (self.config.clock)()
    }

    /// The clock's reading `duration` after `from`.
    pub(super) fn after(from: u64, duration: Duration) -> u64 {
        from.saturating_add(millis(duration))
    }

    pub(super) fn note(&self, source: &Arc<str>, kind: Kind) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Entry { at: self.now(), source: Arc::clone(source), kind });
    }

    pub(super) fn note_own(&self, kind: Kind) {
        self.note(&Arc::from(DISCORD), kind);
    }

    /// Remembers a broken rule, in the log too.
    pub(super) fn violate(&self, source: &Arc<str>, operation: &str, text: String) {
        let violation = Violation { at: self.now(), source: Arc::clone(source), operation: operation.to_owned(), text };
        tracing::warn!(%violation, "a request broke a rule of Discord");
        self.note(source, Kind::Violation(violation.to_string()));
        self.judge.remember(violation);
    }

    pub(super) fn log_since(&self, first: usize) -> Vec<Entry> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.get(first..).map(<[Entry]>::to_vec).unwrap_or_default()
    }

    /// Lets go of what timed out, until the stop.
    pub(super) async fn janitor(self: Arc<Self>) {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = tick.tick() => self.forget(),
            }
        }
    }

    fn forget(&self) {
        let now = self.now();
        let mut state = self.state();
        while let Some(&id) = state.pending.front() {
            let Some(interaction) = state.interactions.get(&id) else {
                state.pending.pop_front();
                continue;
            };
            let waiting = *interaction.stage.borrow() == Stage::Waiting;
            if waiting && now <= Self::after(interaction.created, self.times.answer_within) {
                break;
            }
            if waiting {
                interaction.stage.send_replace(Stage::Expired);
                self.note_own(Kind::Expired { interaction: id });
            }
            state.pending.pop_front();
        }
        let gone: Vec<String> = state
            .sessions
            .iter()
            .filter(|(_, session)| session.lost_at.is_some_and(|lost| now > Self::after(lost, self.times.session_life)))
            .map(|(id, _)| id.clone())
            .collect();
        for session in gone {
            state.sessions.remove(&session);
            self.note_own(Kind::SessionGone { session });
        }
        state.nonces.retain(|_, (_, at)| now <= Self::after(*at, self.times.nonce_window));
    }
}

impl State {
    /// A new id, its time the real wall clock's, never twice the same.
    pub(super) fn snowflake(&mut self) -> u64 {
        let fresh = wall_millis().saturating_sub(DISCORD_EPOCH) << 22;
        self.last_snowflake = fresh.max(self.last_snowflake + 1);
        self.last_snowflake
    }

    /// A number never given before.
    pub(super) fn serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }
}

/// Unix milliseconds now.
pub(super) fn wall_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(millis).unwrap_or(0)
}

/// Unix milliseconds a snowflake was made at.
pub(super) const fn made_at(snowflake: u64) -> u64 {
    (snowflake >> 22) + DISCORD_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflakes_grow_and_tell_their_time() {
        let mut state = State::default();
        let before = wall_millis();
        let ids: Vec<u64> = (0..1000).map(|_| state.snowflake()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(made_at(ids[0]) >= before);
        assert!(made_at(ids[0]) <= wall_millis());
    }
}
