//! What the small Discord is told before it starts: its listeners, its times, its one application.

use std::{collections::HashMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Milliseconds since any fixed moment, never going back. The rehearsal hands in the machine's `CLOCK_BOOTTIME`.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What happens to the open socket of a session that another socket resumes. Discord does not say, so both exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OldSocket {
    /// The old socket stays open and goes on hearing every event.
    #[default]
    Kept,
    /// The old socket is closed with 4000.
    Closed,
}

/// Discord's own times, unpaced. Source: Discord's documentation unless a field says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// What HELLO asks for.
    pub heartbeat_interval: Duration,
    /// Silence after which a socket is closed with 4009. Undocumented: one and a half intervals.
    pub heartbeat_patience: Duration,
    /// An interaction not answered within this is dead (code 10062).
    pub answer_within: Duration,
    /// How long an interaction's token may edit and follow up.
    pub interaction_token_life: Duration,
    /// One IDENTIFY within this for each `shard % max_concurrency`; a second one is answered by op 9.
    pub identify_spacing: Duration,
    /// How long a session without a socket can still be resumed. Undocumented: observed to be about 90 s.
    pub session_life: Duration,
    /// A socket told "invalid session" waits at least this before it identifies again, or is told so once more.
    pub invalid_session_wait: Duration,
    /// The window of the gateway's send limit (120 payloads).
    pub send_window: Duration,
    /// How long `enforce_nonce` remembers a message. Discord says "a few minutes".
    pub nonce_window: Duration,
    /// The session start limit is whole again after this.
    pub session_start_reset: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_millis(41_250),
            heartbeat_patience: Duration::from_millis(61_875),
            answer_within: Duration::from_secs(3),
            interaction_token_life: Duration::from_secs(15 * 60),
            identify_spacing: Duration::from_secs(5),
            session_life: Duration::from_secs(90),
            invalid_session_wait: Duration::from_secs(1),
            send_window: Duration::from_secs(60),
            nonce_window: Duration::from_secs(180),
            session_start_reset: Duration::from_secs(24 * 3600),
        }
    }
}

impl Times {
    /// Every time divided by `pace`; a pace that is not a positive number counts as 1.
    #[must_use]
    pub fn paced(&self, pace: f64) -> Self {
        let pace = if pace.is_finite() && pace > 0.0 { pace } else { 1.0 };
        let by = |time: Duration| time.div_f64(pace).max(Duration::from_millis(1));
        Self {
            heartbeat_interval: by(self.heartbeat_interval),
            heartbeat_patience: by(self.heartbeat_patience),
            answer_within: by(self.answer_within),
            interaction_token_life: by(self.interaction_token_life),
            identify_spacing: by(self.identify_spacing),
            session_life: by(self.session_life),
            invalid_session_wait: by(self.invalid_session_wait),
            send_window: by(self.send_window),
            nonce_window: by(self.nonce_window),
            session_start_reset: by(self.session_start_reset),
        }
    }
}

/// A whole number of milliseconds, saturating.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How to start a small Discord.
#[derive(Clone)]
pub struct DiscordConfig {
    /// One listener per source: its tag (`"laptop"`) and its address. Port 0 picks a free port. The tag of the listener
    /// a request came in by is the evidence of who sent it.
    pub listeners: Vec<(String, SocketAddr)>,
    /// The gateway URL handed out to a source by tag (`ws://addr`, no path); without one, its listener's own address.
    pub gateway_urls: HashMap<String, String>,
    /// The bot token, without the word `Bot`.
    pub token: String,
    /// The application's id, which is also its bot user's id.
    pub application_id: u64,
    /// Discord's OpenAPI document; without it, or when the file does not exist, only the hand-written rules judge.
    pub openapi: Option<PathBuf>,
    /// Every time of `times` is divided by this.
    pub pace: f64,
    /// Discord's own times, unpaced.
    pub times: Times,
    /// What becomes of the old socket of a resumed session.
    pub old_socket_on_resume: OldSocket,
    /// IDENTIFYs a day. Beyond it every session is killed and the token is reset, as Discord does.
    pub session_starts: u32,
    /// Into how many lines IDENTIFYs fall; each has [`Times::identify_spacing`] of its own.
    pub max_concurrency: u32,
    /// How many shards are recommended.
    pub shards: u32,
    /// Intents the application may ask for; any other valid one closes with 4014.
    pub allowed_intents: u64,
    /// The first guild's id.
    pub guild: u64,
    /// Its text channels' ids.
    pub channels: Vec<u64>,
    /// The ids of further guilds, without channels of their own.
    pub more_guilds: Vec<u64>,
    /// Where log times come from.
    pub clock: Clock,
}

impl DiscordConfig {
    /// Intents that need an approval: members, presences, message content.
    pub const PRIVILEGED_INTENTS: u64 = 1 << 1 | 1 << 8 | 1 << 15;

    /// Every guild.
    pub(super) fn guilds(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.guild).chain(self.more_guilds.iter().copied())
    }

    /// A Discord with one guild (id 100), two channels (201, 202), real times at pace 1, no OpenAPI document.
    #[must_use]
    pub fn new(
        listeners: Vec<(String, SocketAddr)>,
        token: impl Into<String>,
        application_id: u64,
        clock: Clock,
    ) -> Self {
        Self {
            listeners,
            gateway_urls: HashMap::new(),
            token: token.into(),
            application_id,
            openapi: None,
            pace: 1.0,
            times: Times::default(),
            old_socket_on_resume: OldSocket::default(),
            session_starts: 1000,
            max_concurrency: 1,
            shards: 1,
            allowed_intents: !Self::PRIVILEGED_INTENTS,
            guild: 100,
            channels: vec![201, 202],
            more_guilds: Vec::new(),
            clock,
        }
    }
}

impl fmt::Debug for DiscordConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscordConfig")
            .field("listeners", &self.listeners)
            .field("application_id", &self.application_id)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_divides_every_time() {
        let paced = Times::default().paced(5.0);
        assert_eq!(paced.heartbeat_interval, Duration::from_millis(8250));
        assert_eq!(paced.answer_within, Duration::from_millis(600));
        assert_eq!(paced.session_life, Duration::from_secs(18));
    }

    #[test]
    fn a_pace_that_is_no_number_changes_nothing() {
        assert_eq!(Times::default().paced(f64::NAN), Times::default());
        assert_eq!(Times::default().paced(0.0), Times::default());
    }
}
