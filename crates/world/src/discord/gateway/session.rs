//! Sessions: what a client may resume, and what every event goes to.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::discord::state::State;

/// Events a session keeps for a replay.
const BUFFER: usize = 20_000;

/// What a socket's task is told to do.
#[derive(Debug)]
pub(in crate::discord) enum Out {
    /// Send this payload.
    Payload(Arc<str>),
    /// Close with this code.
    Close(u16, &'static str),
    /// Drop the connection without a word.
    Drop,
    /// The link is well again: send what was held back.
    Wake,
}

/// One open gateway connection.
pub(in crate::discord) struct Socket {
    pub(in crate::discord) source: Arc<str>,
    pub(in crate::discord) out: mpsc::UnboundedSender<Out>,
    /// A zombie: open, but nothing comes through in either direction.
    pub(in crate::discord) zombie: Arc<AtomicBool>,
    pub(in crate::discord) session: Option<String>,
}

impl Socket {
    pub(in crate::discord) fn tell(&self, out: Out) {
        // A task that is already gone needs no telling.
        let _ = self.out.send(out);
    }

    /// Makes the link dead or well.
    pub(in crate::discord) fn set_zombie(&self, on: bool) {
        self.zombie.store(on, Ordering::Relaxed);
        if !on {
            self.tell(Out::Wake);
        }
    }
}

/// Which shard of how many (Discord documentation, sharding).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct Shard {
    pub(in crate::discord) id: u32,
    pub(in crate::discord) of: u32,
}

impl Shard {
    /// A client that says nothing is the only one.
    pub(super) const ONLY: Self = Self { id: 0, of: 1 };

    /// Whether events of this guild, or without one, come here.
    pub(super) fn hears(self, guild: Option<u64>) -> bool {
        guild.map_or(0, |guild| guild >> 22) % u64::from(self.of) == u64::from(self.id)
    }
}

/// One session: an identity to resume, its numbering, and what was said.
pub(in crate::discord) struct Session {
    pub(in crate::discord) sequence: u64,
    pub(in crate::discord) buffer: VecDeque<(u64, Arc<str>)>,
    /// Every socket that hears it: more than one when a resume kept the old one.
    pub(in crate::discord) sockets: Vec<u64>,
    /// When the last socket went, if none is left.
    pub(in crate::discord) lost_at: Option<u64>,
    pub(in crate::discord) compress: bool,
    pub(in crate::discord) shard: Shard,
}

impl Session {
    pub(super) fn new(socket: u64, compress: bool, shard: Shard) -> Self {
        Self { sequence: 0, buffer: VecDeque::new(), sockets: vec![socket], lost_at: None, compress, shard }
    }

    /// Numbers an event and keeps it; the payload to send.
    fn number(&mut self, event: &str, data: &str) -> Arc<str> {
        self.sequence += 1;
        let text: Arc<str> = format!(r#"{{"t":"{event}","s":{},"op":0,"d":{data}}}"#, self.sequence).into();
        self.buffer.push_back((self.sequence, Arc::clone(&text)));
        if self.buffer.len() > BUFFER {
            self.buffer.pop_front();
        }
        text
    }

    /// What came after `sequence`, or nothing when the buffer no longer reaches back that far.
    pub(super) fn after(&self, sequence: u64) -> Option<Vec<Arc<str>>> {
        let oldest = self.buffer.front().map_or(self.sequence + 1, |(first, _)| *first);
        (sequence + 1 >= oldest)
            .then(|| self.buffer.iter().filter(|(s, _)| *s > sequence).map(|(_, text)| Arc::clone(text)).collect())
    }
}

impl State {
    /// Sends an event to every session of its shard, connected or not. Returns how many there were.
    pub(in crate::discord) fn dispatch(&mut self, event: &str, data: &Value) -> usize {
        let guild = data["guild_id"].as_str().and_then(|id| id.parse().ok());
        let data = data.to_string();
        let mut heard = 0;
        for session in self.sessions.values_mut().filter(|session| session.shard.hears(guild)) {
            heard += 1;
            let text = session.number(event, &data);
            for socket in session.sockets.iter().filter_map(|id| self.sockets.get(id)) {
                socket.tell(Out::Payload(Arc::clone(&text)));
            }
        }
        heard
    }

    /// Sends an event to one session.
    pub(super) fn dispatch_to(&mut self, session: &str, event: &str, data: &Value) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        let text = session.number(event, &data.to_string());
        for socket in session.sockets.iter().filter_map(|id| self.sockets.get(id)) {
            socket.tell(Out::Payload(Arc::clone(&text)));
        }
    }

    /// Kills a session. Its other sockets are told "invalid session".
    pub(in crate::discord) fn invalidate(&mut self, session: &str) {
        let Some(session) = self.sessions.remove(session) else { return };
        for id in session.sockets {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.session = None;
                socket.tell(Out::Payload(Arc::from(r#"{"op":9,"d":false,"s":null,"t":null}"#)));
            }
        }
    }

    /// Takes a socket out; its session lives on, without a socket since `now` if it was the last.
    pub(super) fn detach(&mut self, socket: u64, now: u64) -> Option<String> {
        let session = self.sockets.remove(&socket)?.session?;
        if let Some(kept) = self.sessions.get_mut(&session) {
            kept.sockets.retain(|&id| id != socket);
            if kept.sockets.is_empty() {
                kept.lost_at = Some(now);
            }
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_what_came_after_in_order() {
        let mut session = Session::new(1, false, Shard::ONLY);
        for event in ["A", "B", "C"] {
            session.number(event, "{}");
        }
        let replay = session.after(1).unwrap();
        assert!(replay[0].contains(r#""t":"B","s":2"#) && replay[1].contains(r#""t":"C","s":3"#));
        assert_eq!(session.after(3).unwrap().len(), 0);
    }

    #[test]
    fn a_buffer_that_no_longer_reaches_back_cannot_replay() {
        let mut session = Session::new(1, false, Shard::ONLY);
        for _ in 0..=BUFFER {
            session.number("A", "{}");
        }
        assert!(session.after(0).is_none());
        assert!(session.after(1).is_some());
    }

    #[test]
    fn a_session_outlives_its_socket() {
        let mut state = State::default();
        let (out, _heard) = mpsc::unbounded_channel();
        let socket = Socket { source: "laptop".into(), out, zombie: Arc::default(), session: Some("s".to_owned()) };
        state.sockets.insert(1, socket);
        state.sessions.insert("s".to_owned(), Session::new(1, false, Shard::ONLY));
        assert_eq!(state.detach(1, 70).as_deref(), Some("s"));
        assert_eq!(state.dispatch("A", &Value::Null), 1);
        let session = &state.sessions["s"];
        assert_eq!((session.lost_at, session.buffer.len()), (Some(70), 1));
    }

    #[test]
    fn a_guild_speaks_to_its_shard_and_private_messages_to_the_first() {
        let mut state = State::default();
        for id in 0..4 {
            state.sessions.insert(format!("s{id}"), Session::new(1, false, Shard { id, of: 4 }));
        }
        let guild = ((6_u64 << 22) + 9).to_string();
        assert_eq!(state.dispatch("A", &serde_json::json!({ "guild_id": guild })), 1);
        assert_eq!(state.dispatch("B", &serde_json::json!({})), 1);
        let heard = ["s0", "s1", "s2", "s3"].map(|id| state.sessions[id].buffer.len());
        assert_eq!(heard, [1, 0, 1, 0]);
    }
}
