//! Raw clients: a websocket that speaks gateway JSON, and one HTTP request at a time.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use relais_world::discord::SmallDiscord;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{APPLICATION, TOKEN};

/// Longest wait for anything.
const CAP: Duration = Duration::from_secs(20);

/// A gateway client without any cleverness.
pub(super) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came next.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Payload(Value),
    Binary(Vec<u8>),
    Closed(u16),
    Lost,
}

impl Link {
    /// Connects without reading HELLO.
    pub(super) async fn raw(discord: &SmallDiscord, tag: &str, query: &str) -> Self {
        let url = format!("{}/?{query}", discord.gateway_url_for(tag).unwrap());
        Self { socket: connect_async(url).await.unwrap().0 }
    }

    /// Connects and reads HELLO.
    pub(super) async fn open(discord: &SmallDiscord, tag: &str) -> Self {
        let mut link = Self::raw(discord, tag, "v=10&encoding=json").await;
        assert_eq!(link.payload().await["op"], 10);
        link
    }

    /// Connects and identifies; the session's id.
    pub(super) async fn identified(discord: &SmallDiscord, tag: &str) -> (Self, String) {
        let mut link = Self::open(discord, tag).await;
        link.say(identify()).await;
        let ready = link.event("READY").await;
        (link, ready["d"]["session_id"].as_str().unwrap().to_owned())
    }

    /// Connects and asks to resume.
    pub(super) async fn resuming(discord: &SmallDiscord, tag: &str, session: &str, sequence: u64) -> Self {
        let mut link = Self::open(discord, tag).await;
        link.say(json!({"op": 6, "d": {"token": TOKEN, "session_id": session, "seq": sequence}})).await;
        link
    }

    pub(super) async fn say(&mut self, payload: Value) {
        self.text(&payload.to_string()).await;
    }

    pub(super) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        self.socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// The next thing, within the cap.
    pub(super) async fn heard(&mut self) -> Heard {
        loop {
            match tokio::time::timeout(CAP, self.socket.next()).await.expect("something within the cap") {
                Some(Ok(Message::Text(text))) => return Heard::Payload(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => return Heard::Binary(bytes.to_vec()),
                Some(Ok(Message::Close(frame))) => return Heard::Closed(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Lost,
            }
        }
    }

    pub(super) async fn payload(&mut self) -> Value {
        match self.heard().await {
            Heard::Payload(payload) => payload,
            other => panic!("expected a payload, heard {other:?}"),
        }
    }

    /// Skips to the next dispatch of this name.
    pub(super) async fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.payload().await;
            if payload["t"] == name {
                return payload;
            }
        }
    }

    /// Skips payloads until the close.
    pub(super) async fn closed(&mut self) -> Heard {
        loop {
            match self.heard().await {
                Heard::Payload(_) | Heard::Binary(_) => {}
                end => return end,
            }
        }
    }
}

/// A good IDENTIFY for GUILDS.
pub(super) fn identify() -> Value {
    let properties = json!({"os": "linux", "browser": "test", "device": "test"});
    json!({"op": 2, "d": {"token": TOKEN, "intents": 1, "properties": properties}})
}

/// A REST answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Value,
}

/// One REST request with the right token.
pub(super) async fn request(discord: &SmallDiscord, tag: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
    request_as(discord.address(tag).unwrap(), &format!("Bot {TOKEN}"), method, path, body).await
}

/// One REST request with any credential.
pub(super) async fn request_as(
    address: SocketAddr,
    credential: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Reply {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let length = body.len();
    let text = format!(
        "{method} /api/v10{path} HTTP/1.1\r\nhost: x\r\nauthorization: {credential}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Reply {
        status: head[9..12].parse().unwrap(),
        head: head.to_lowercase(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// Answers an INTERACTION_CREATE payload with a text.
pub(super) async fn answer(discord: &SmallDiscord, tag: &str, event: &Value, text: &str) -> Reply {
    callback(discord, tag, event, json!({"type": 4, "data": {"content": text}})).await
}

/// Answers an INTERACTION_CREATE payload with any callback.
pub(super) async fn callback(discord: &SmallDiscord, tag: &str, event: &Value, body: Value) -> Reply {
    let (id, token) = (event["d"]["id"].as_str().unwrap(), event["d"]["token"].as_str().unwrap());
    request(discord, tag, "POST", &format!("/interactions/{id}/{token}/callback"), Some(body)).await
}

/// The webhook path of an INTERACTION_CREATE payload.
pub(super) fn webhook(event: &Value) -> String {
    format!("/webhooks/{APPLICATION}/{}", event["d"]["token"].as_str().unwrap())
}
