//! The gateway: HELLO, IDENTIFY or RESUME, heartbeats, and events as they come (Discord: "Gateway").

use std::{io::Write as _, sync::Arc};

use axum::extract::ws::{Message, WebSocket};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{ask::APPLICATION, discord::Shared};

/// The interval that Discord itself asks for, ms.
const HEARTBEAT: u32 = 41_250;

/// The bot's user, as READY and REST show it.
pub(crate) fn own_user() -> Value {
    json!({
        "id": APPLICATION.to_string(), "username": "relais", "discriminator": "0", "global_name": null, "avatar": null,
        "public_flags": 0, "flags": 0, "bot": true, "mfa_enabled": true, "verified": true, "locale": "en-US",
    })
}

/// How payloads go out: as text, or through one zlib stream for the life of the socket.
struct Out {
    stream: Option<ZlibEncoder<Vec<u8>>>,
    sequence: u64,
}

impl Out {
    fn frame(&mut self, payload: &Value) -> std::io::Result<Message> {
        let text = payload.to_string();
        let Some(stream) = &mut self.stream else {
            return Ok(Message::text(text));
        };
        stream.write_all(text.as_bytes())?;
        stream.flush()?;
        Ok(Message::binary(std::mem::take(stream.get_mut())))
    }

    fn event(&mut self, name: &str, data: &Value) -> std::io::Result<Message> {
        self.sequence += 1;
        self.frame(&json!({ "op": 0, "t": name, "s": self.sequence, "d": data }))
    }
}

/// Speaks to one socket until it ends.
pub(crate) async fn speak(shared: Arc<Shared>, mut link: WebSocket, zlib: bool) {
    let stream = zlib.then(|| ZlibEncoder::new(Vec::new(), Compression::fast()));
    // A bot that hangs up ends its socket, nothing else.
    let _ = carry(&shared, &mut link, Out { stream, sequence: 0 }).await;
}

async fn carry(shared: &Shared, link: &mut WebSocket, mut out: Out) -> anyhow::Result<()> {
    let (sender, mut events) = mpsc::unbounded_channel::<Value>();
    link.send(out.frame(&json!({ "op": 10, "d": { "heartbeat_interval": HEARTBEAT } }))?).await?;
    loop {
        tokio::select! {
            event = events.recv() => {
                if let Some(event) = event {
                    link.send(out.event("INTERACTION_CREATE", &event)?).await?;
                }
            }
            heard = link.recv() => {
                let Some(heard) = heard else { return Ok(()) };
                let payload: Value = match heard? {
                    Message::Text(text) => serde_json::from_str(&text)?,
                    Message::Binary(bytes) => serde_json::from_slice(&bytes)?,
                    Message::Close(_) => return Ok(()),
                    Message::Ping(_) | Message::Pong(_) => continue,
                };
                match payload["op"].as_u64() {
                    Some(1) => link.send(out.frame(&json!({ "op": 11 }))?).await?,
                    Some(op @ (2 | 6)) => {
                        let (name, data) = if op == 2 { ("READY", ready(shared)) } else { ("RESUMED", json!({})) };
                        link.send(out.event(name, &data)?).await?;
                        shared.begin(sender.clone());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn ready(shared: &Shared) -> Value {
    json!({
        "v": 10, "user": own_user(), "guilds": [], "session_id": "a-session", "shard": [0, 1],
        "resume_gateway_url": format!("ws://{}", shared.address),
        "application": { "id": APPLICATION.to_string(), "flags": 0 },
    })
}
