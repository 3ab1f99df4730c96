//! The gateway: one task per socket carries payloads both ways; what they mean is in `opcodes`.

mod compression;
mod opcodes;
mod session;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::sync::mpsc;

pub(super) use self::session::{Out, Session, Socket};
use self::{compression::Framing, opcodes::Client};
use super::{
    config::millis,
    log::{ClosedBy, Kind},
    state::Shared,
};

/// How long a closing handshake may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How the socket asked to be spoken to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// `v=` of the URL, if given.
    pub(super) version: Option<u32>,
    /// `compress=zlib-stream`.
    pub(super) zlib_stream: bool,
    /// `encoding=` is JSON or not given.
    pub(super) json: bool,
}

impl Manner {
    /// Reads the URL's query.
    pub(super) fn of(query: &str) -> Self {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        Self {
            version: value("v").and_then(|v| v.parse().ok()),
            zlib_stream: value("compress") == Some("zlib-stream"),
            json: value("encoding").is_none_or(|encoding| encoding == "json"),
        }
    }
}

/// Why the loop ended.
enum End {
    Said { code: Option<u16>, by: ClosedBy },
    Dropped,
}

/// Speaks to one socket until it ends.
pub(super) async fn speak(shared: Arc<Shared>, source: Arc<str>, manner: Manner, mut link: WebSocket) {
    let (out, mut orders) = mpsc::unbounded_channel();
    let zombie = Arc::new(AtomicBool::new(false));
    let id = {
        let mut state = shared.state();
        let id = state.serial();
        let socket = Socket { source: Arc::clone(&source), out, zombie: Arc::clone(&zombie), session: None };
        state.sockets.insert(id, socket);
        id
    };
    shared.note(&source, Kind::SocketOpened);
    let mut pump = Pump {
        client: Client::new(id, Arc::clone(&source), shared.now()),
        framing: Framing::asked(manner.zlib_stream),
        zombie,
        held: VecDeque::new(),
        shared: Arc::clone(&shared),
    };
    let end = pump.run(&mut link, &mut orders, manner).await;
    let now = shared.now();
    let (code, by) = match end {
        End::Said { code, by } => (code, by),
        End::Dropped => (None, ClosedBy::Lost),
    };
    {
        let mut state = shared.state();
        let session = state.detach(id, now);
        shared.note(&source, Kind::SessionClosed { session: session.clone(), code, by });
        // A normal close logs the bot off; 4007, 4009 and 4011 tell it to start anew. Anything else can be resumed.
        let over = match by {
            ClosedBy::Client => matches!(code, Some(1000 | 1001)),
            ClosedBy::Discord => matches!(code, Some(4004 | 4007 | 4009 | 4011)),
            ClosedBy::Lost => false,
        };
        if let Some(session) = session.filter(|_| over) {
            state.invalidate(&session);
            shared.note_own(Kind::SessionGone { session });
        }
    }
    if by == ClosedBy::Discord {
        // Let the other side answer the close, so that it reads the code and not a reset.
        let _ = tokio::time::timeout(FAREWELL, async { while let Some(Ok(_)) = link.recv().await {} }).await;
    }
}

/// One socket's two directions.
struct Pump {
    client: Client,
    framing: Framing,
    zombie: Arc<AtomicBool>,
    /// Payloads a zombie link holds back.
    held: VecDeque<Arc<str>>,
    shared: Arc<Shared>,
}

impl Pump {
    async fn run(&mut self, link: &mut WebSocket, orders: &mut mpsc::UnboundedReceiver<Out>, manner: Manner) -> End {
        if manner.version.is_some_and(|version| version != 10) {
            return self.close(link, 4012, "invalid API version").await;
        }
        if !manner.json {
            return self.close(link, 4002, "only JSON is spoken here").await;
        }
        let interval = millis(self.shared.times.heartbeat_interval);
        let hello =
            format!(r#"{{"t":null,"s":null,"op":10,"d":{{"heartbeat_interval":{interval},"_trace":["small"]}}}}"#);
        if !self.send(link, &hello).await {
            return End::Dropped;
        }
        let stop = self.shared.stop.clone();
        loop {
            let alive_until = Shared::after(self.client.last_heartbeat, self.shared.times.heartbeat_patience);
            let patience = Duration::from_millis(alive_until.saturating_sub(self.shared.now()).max(1));
            tokio::select! {
                () = stop.cancelled() => return End::Dropped,
                order = orders.recv() => match order {
                    None | Some(Out::Drop) => return End::Dropped,
                    Some(Out::Close(code, why)) => return self.close(link, code, why).await,
                    Some(Out::Payload(text)) if self.zombie.load(Ordering::Relaxed) => self.held.push_back(text),
                    Some(Out::Payload(text)) => if !self.send(link, &text).await { return End::Dropped },
                    Some(Out::Wake) => while let Some(text) = self.held.pop_front() {
                        if !self.send(link, &text).await { return End::Dropped }
                    },
                },
                message = link.recv() => match message {
                    None | Some(Err(_)) => return End::Dropped,
                    // A dead link delivers nothing, not even the farewell: it will drop.
                    Some(Ok(_)) if self.zombie.load(Ordering::Relaxed) => {}
                    Some(Ok(Message::Close(frame))) => {
                        // The answer to the close is queued; one more look sends it.
                        let _ = tokio::time::timeout(FAREWELL, link.recv()).await;
                        return End::Said { code: frame.map(|frame| frame.code), by: ClosedBy::Client };
                    }
                    Some(Ok(Message::Text(text))) => {
                        if let Some((code, why)) = self.client.heard(&self.shared, text.as_str()) {
                            return self.close(link, code, why).await;
                        }
                        if self.client.compress { self.framing.compress_payloads(); }
                    }
                    Some(Ok(Message::Binary(_))) => return self.close(link, 4002, "only JSON is spoken here").await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                },
                () = tokio::time::sleep(patience) => {
                    let silent = self.shared.now() >= alive_until;
                    if silent && !self.zombie.load(Ordering::Relaxed) {
                        return self.close(link, 4009, "session timed out").await;
                    }
                    if silent { self.client.last_heartbeat = self.shared.now(); }
                }
            }
        }
    }

    /// Sends one payload; false when the link is gone or nobody reads it any more.
    async fn send(&mut self, link: &mut WebSocket, text: &str) -> bool {
        let message = self.framing.frame(text);
        let sent = tokio::select! {
            () = self.shared.stop.cancelled() => return false,
            sent = tokio::time::timeout(self.shared.times.heartbeat_patience, link.send(message)) => sent,
        };
        matches!(sent, Ok(Ok(())))
    }

    async fn close(&self, link: &mut WebSocket, code: u16, why: &'static str) -> End {
        let frame = Message::Close(Some(CloseFrame { code, reason: why.into() }));
        let _ = tokio::time::timeout(FAREWELL, link.send(frame)).await;
        End::Said { code: Some(code), by: ClosedBy::Discord }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_says_how_to_speak() {
        let manner = Manner::of("v=10&encoding=json&compress=zlib-stream");
        assert_eq!((manner.version, manner.zlib_stream, manner.json), (Some(10), true, true));
        let manner = Manner::of("encoding=etf");
        assert_eq!((manner.version, manner.zlib_stream, manner.json), (None, false, false));
    }
}
