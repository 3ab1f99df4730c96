//! What a client's payloads mean: IDENTIFY, RESUME, heartbeats, and the close codes for everything else.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::session::{Out, Session, Shard};
use crate::discord::{
    config::millis,
    log::{Kind, Opened, Refused},
    objects,
    state::{Shared, State},
};

/// A close code and its reason.
type Close = (u16, &'static str);

/// Payloads a client may send in one window.
const SEND_LIMIT: usize = 120;
/// The longest payload a client may send, in bytes.
const PAYLOAD_LIMIT: usize = 4096;
/// Every intent of API v10.
const VALID_INTENTS: u64 = 0x0331_FFFF;
/// The intent that brings GUILD_CREATE.
const GUILDS: u64 = 1;

/// The client at the other end of one socket.
pub(super) struct Client {
    id: u64,
    source: Arc<str>,
    sent: VecDeque<u64>,
    told_invalid: Option<u64>,
    /// When it last gave a sign of life (or connected).
    pub(super) last_heartbeat: u64,
    /// It identified with `compress: true`.
    pub(super) compress: bool,
}

impl Client {
    pub(super) fn new(id: u64, source: Arc<str>, now: u64) -> Self {
        Self { id, source, sent: VecDeque::new(), told_invalid: None, last_heartbeat: now, compress: false }
    }

    /// Takes one payload; a close code when it deserves one.
    pub(super) fn heard(&mut self, shared: &Shared, text: &str) -> Option<Close> {
        let now = shared.now();
        let window = millis(shared.times.send_window);
        self.sent.retain(|&at| now < at.saturating_add(window));
        self.sent.push_back(now);
        if self.sent.len() > SEND_LIMIT {
            return Some((4008, "rate limited"));
        }
        if text.len() > PAYLOAD_LIMIT {
            return Some((4002, "payload too long"));
        }
        let Ok(payload) = serde_json::from_str::<Value>(text) else { return Some((4002, "not JSON")) };
        let Some(op) = payload["op"].as_u64() else { return Some((4002, "no op")) };
        let data = &payload["d"];
        let mut state = shared.state();
        let authenticated = state.sockets.get(&self.id).is_some_and(|socket| socket.session.is_some());
        match op {
            1 => {
                self.last_heartbeat = now;
                self.tell(&state, r#"{"t":null,"s":null,"op":11,"d":null}"#);
                None
            }
            3 if authenticated => self.show(shared, &state, data),
            2 | 6 if authenticated => Some((4005, "already authenticated")),
            2 => self.identify(shared, &mut state, data, now),
            6 => self.resume(shared, &mut state, data, now),
            4 | 8 | 31 if authenticated => None,
            3 | 4 | 8 | 31 => Some((4003, "not authenticated")),
            _ => Some((4001, "unknown opcode")),
        }
    }

    fn identify(&mut self, shared: &Shared, state: &mut State, data: &Value, now: u64) -> Option<Close> {
        let how = Opened::Identify;
        let shard = match judged_identify(shared, state, data) {
            Ok(shard) => shard,
            Err(close) => {
                shared.note(&self.source, Kind::SessionRefused { how, reason: Refused::Closed(close.0) });
                return Some(close);
            }
        };
        let wait = millis(shared.times.invalid_session_wait);
        let hasty = self.told_invalid.is_some_and(|told| now < told.saturating_add(wait));
        let spacing = millis(shared.times.identify_spacing);
        state.identifies.retain(|&(_, at)| now < at.saturating_add(spacing));
        let line = shard.id % shared.config.max_concurrency.max(1);
        if hasty || state.identifies.iter().any(|&(taken, _)| taken == line) {
            return self.invalid(shared, state, how, Refused::TooEarly, false, now);
        }
        if let Some(resumable) = state.scripts.take_invalid_session() {
            return self.invalid(shared, state, how, Refused::Scripted, resumable, now);
        }
        if !state.take_start(shared, now) {
            return Some((4004, "session start limit exceeded, token reset"));
        }
        state.identifies.push_back((line, now));
        let serial = state.serial();
        let session = format!("{:016x}{serial:016x}", state.snowflake());
        self.compress = data["compress"].as_bool().unwrap_or(false);
        state.sessions.insert(session.clone(), Session::new(self.id, self.compress, shard));
        if let Some(socket) = state.sockets.get_mut(&self.id) {
            socket.session = Some(session.clone());
        }
        let opened = Kind::SessionOpened { session: session.clone(), shard: shard.id, how, replayed: 0 };
        shared.note(&self.source, opened);
        if let Some(presence) = data.get("presence").filter(|presence| !presence.is_null()) {
            shared.note(&self.source, Kind::Presence { session: session.clone(), shown: presence.to_string() });
        }
        let url = state.gateway_urls.get(&*self.source).cloned().unwrap_or_default();
        let guilds: Vec<u64> = shared.config.guilds().filter(|guild| shard.hears(Some(*guild))).collect();
        let ready = objects::ready(&shared.config, &session, &url, data.get("shard"), &guilds);
        state.dispatch_to(&session, "READY", &ready);
        if data["intents"].as_u64().is_some_and(|intents| intents & GUILDS != 0) {
            for guild in guilds {
                state.dispatch_to(&session, "GUILD_CREATE", &objects::guild(&shared.config, guild));
            }
        }
        None
    }

    fn resume(&mut self, shared: &Shared, state: &mut State, data: &Value, now: u64) -> Option<Close> {
        let how = Opened::Resume;
        let (Some(token), Some(id), Some(sequence)) =
            (data["token"].as_str(), data["session_id"].as_str(), data["seq"].as_u64())
        else {
            return Some((4002, "RESUME needs token, session_id and seq"));
        };
        if !right_token(shared, state, token) {
            shared.note(&self.source, Kind::SessionRefused { how, reason: Refused::Closed(4004) });
            return Some((4004, "authentication failed"));
        }
        if state.scripts.take_stuck_resume() {
            shared.note(&self.source, Kind::SessionRefused { how, reason: Refused::Stuck });
            return None;
        }
        if let Some(resumable) = state.scripts.take_invalid_session() {
            return self.invalid(shared, state, how, Refused::Scripted, resumable, now);
        }
        let life = shared.times.session_life;
        let known = state
            .sessions
            .get(id)
            .filter(|session| session.lost_at.is_none_or(|lost| now <= Shared::after(lost, life)));
        let Some(session) = known else {
            return self.invalid(shared, state, how, Refused::UnknownSession, false, now);
        };
        if sequence > session.sequence {
            shared.note(&self.source, Kind::SessionRefused { how, reason: Refused::Closed(4007) });
            return Some((4007, "invalid seq"));
        }
        let Some(replay) = session.after(sequence) else {
            return self.invalid(shared, state, how, Refused::UnknownSession, false, now);
        };
        self.take_over(shared, state, id, &replay);
        None
    }

    /// Hangs this socket on the session: the replay in order, RESUMED, then whatever happens next.
    fn take_over(&mut self, shared: &Shared, state: &mut State, id: &str, replay: &[Arc<str>]) {
        let Some(session) = state.sessions.get_mut(id) else { return };
        session.lost_at = None;
        self.compress = session.compress;
        let shard = session.shard.id;
        let old = match shared.config.old_socket_on_resume {
            crate::discord::OldSocket::Kept => Vec::new(),
            crate::discord::OldSocket::Closed => std::mem::take(&mut session.sockets),
        };
        session.sockets.push(self.id);
        for old in old {
            let Some(old) = state.sockets.get_mut(&old) else { continue };
            // It hears nothing more, and its end no longer touches the session.
            old.session = None;
            old.tell(Out::Close(4000, "resumed elsewhere"));
        }
        if let Some(socket) = state.sockets.get_mut(&self.id) {
            socket.session = Some(id.to_owned());
            for text in replay {
                socket.tell(Out::Payload(Arc::clone(text)));
            }
            socket.tell(Out::Payload(resumed(state.sessions.get_mut(id))));
        }
        let (session, how, replayed) = (id.to_owned(), Opened::Resume, replay.len());
        let opened = Kind::SessionOpened { session, shard, how, replayed };
        shared.note(&self.source, opened);
    }

    /// A presence from now on.
    fn show(&self, shared: &Shared, state: &State, data: &Value) -> Option<Close> {
        if !(data["activities"].is_array() && data["status"].is_string()) {
            return Some((4002, "a presence needs activities and a status"));
        }
        let session = state.sockets.get(&self.id).and_then(|socket| socket.session.clone()).unwrap_or_default();
        shared.note(&self.source, Kind::Presence { session, shown: data.to_string() });
        None
    }

    fn invalid(
        &mut self,
        shared: &Shared,
        state: &State,
        how: Opened,
        reason: Refused,
        resumable: bool,
        now: u64,
    ) -> Option<Close> {
        shared.note(&self.source, Kind::SessionRefused { how, reason });
        self.told_invalid = Some(now);
        self.tell(state, &format!(r#"{{"t":null,"s":null,"op":9,"d":{resumable}}}"#));
        None
    }

    fn tell(&self, state: &State, text: &str) {
        if let Some(socket) = state.sockets.get(&self.id) {
            socket.tell(Out::Payload(Arc::from(text)));
        }
    }
}

/// RESUMED ends the replay. It bears the number of the last event, and is itself never replayed.
fn resumed(session: Option<&mut Session>) -> Arc<str> {
    let sequence = session.map_or(0, |session| session.sequence);
    Arc::from(format!(r#"{{"t":"RESUMED","s":{sequence},"op":0,"d":{{"_trace":["small-discord"]}}}}"#))
}

fn right_token(shared: &Shared, state: &State, token: &str) -> bool {
    !state.token_void && token.strip_prefix("Bot ").unwrap_or(token) == shared.config.token
}

/// The shard that an IDENTIFY is for, or why it is refused.
fn judged_identify(shared: &Shared, state: &State, data: &Value) -> Result<Shard, Close> {
    let token = data["token"].as_str().ok_or((4002, "IDENTIFY needs a token"))?;
    if !right_token(shared, state, token) {
        return Err((4004, "authentication failed"));
    }
    if !data["properties"].is_object() {
        return Err((4002, "IDENTIFY needs properties"));
    }
    let intents = data["intents"].as_u64().ok_or((4013, "IDENTIFY needs intents"))?;
    if intents & !VALID_INTENTS != 0 {
        return Err((4013, "invalid intents"));
    }
    if intents & !shared.config.allowed_intents != 0 {
        return Err((4014, "disallowed intents"));
    }
    let shard = data.get("shard").map_or(Some(Shard::ONLY), shard).ok_or((4010, "invalid shard"))?;
    if shard.of < state.shards.least {
        return Err((4011, "sharding required"));
    }
    Ok(shard)
}

fn shard(asked: &Value) -> Option<Shard> {
    let number = |index: usize| u32::try_from(asked[index].as_u64()?).ok();
    let shard = Shard { id: number(0)?, of: number(1)? };
    (shard.id < shard.of).then_some(shard)
}

impl State {
    /// Counts a session start. When none is left every session dies and the token is void, as at Discord.
    fn take_start(&mut self, shared: &Shared, now: u64) -> bool {
        if now >= self.starts.resets_at {
            self.starts.used = 0;
            self.starts.resets_at = Shared::after(now, shared.times.session_start_reset);
        }
        if self.starts.used < shared.config.session_starts {
            self.starts.used += 1;
            return true;
        }
        self.token_void = true;
        shared.note_own(Kind::TokenReset);
        self.sessions.clear();
        for socket in self.sockets.values() {
            socket.tell(Out::Close(4004, "token reset"));
        }
        false
    }
}
