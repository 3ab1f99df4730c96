use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::Response,
    routing::{any, get, post},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What the server heard, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    AskedAddress,
    Connected,
    Identify,
    Resume { session: String, sequence: u64 },
    Answer(String),
    Closed(Option<u16>),
}

/// What the server does with a RESUME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnResume {
    Resumed,
    Invalid,
    Silent,
}

/// What a test makes the open connection do.
#[derive(Debug)]
pub(crate) enum Act {
    Send(Value),
    Drop,
}

/// One port with just enough of Discord for a gateway client; the rehearsal has the whole one.
#[derive(Clone)]
pub(crate) struct LittleDiscord {
    pub(crate) base: String,
    pub(crate) socket: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    acts: Arc<Mutex<Option<mpsc::UnboundedSender<Act>>>>,
    on_resume: OnResume,
}

impl LittleDiscord {
    pub(crate) async fn start(on_resume: OnResume) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let discord = Self {
            base: format!("http://{address}"),
            socket: format!("ws://{address}"),
            heard: Arc::default(),
            acts: Arc::default(),
            on_resume,
        };
        let router = Router::new()
            .route("/api/v10/gateway/bot", get(address_of))
            .route("/api/v10/applications/{id}/commands", any(|| async { Json(json!([])) }))
            .route("/api/v10/interactions/{id}/{token}/callback", post(answer))
            .route("/", any(upgrade))
            .with_state(discord.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        discord
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, what: &Heard) -> usize {
        self.heard().iter().filter(|heard| *heard == what).count()
    }

    pub(crate) fn act(&self, act: Act) {
        self.acts.lock().unwrap().as_ref().unwrap().send(act).unwrap();
    }

    pub(crate) async fn until(&self, what: impl Fn(&[Heard]) -> bool) {
        for _ in 0..2_000 {
            if what(&self.heard()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("did not happen; heard so far: {:?}", self.heard());
    }

    fn note(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
    }
}

async fn address_of(State(discord): State<LittleDiscord>) -> Json<Value> {
    discord.note(Heard::AskedAddress);
    let limit = json!({ "total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1 });
    Json(json!({ "url": discord.socket, "shards": 1, "session_start_limit": limit }))
}

async fn answer(State(discord): State<LittleDiscord>, Json(body): Json<Value>) -> axum::http::StatusCode {
    discord.note(Heard::Answer(body["data"]["content"].as_str().unwrap_or_default().to_owned()));
    axum::http::StatusCode::NO_CONTENT
}

async fn upgrade(State(discord): State<LittleDiscord>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve(discord, socket))
}

async fn say(socket: &mut WebSocket, value: &Value) {
    // The client may have gone; the test looks at what was heard.
    let _ = socket.send(Message::Text(value.to_string().into())).await;
}

async fn serve(discord: LittleDiscord, mut socket: WebSocket) {
    let (sender, mut acts) = mpsc::unbounded_channel();
    *discord.acts.lock().unwrap() = Some(sender);
    discord.note(Heard::Connected);
    say(&mut socket, &json!({ "op": 10, "s": null, "t": null, "d": { "heartbeat_interval": 200 } })).await;
    loop {
        tokio::select! {
            Some(act) = acts.recv() => match act {
                Act::Send(value) => say(&mut socket, &value).await,
                // The TCP connection ends without a close frame.
                Act::Drop => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => hear(&discord, &mut socket, &serde_json::from_str(&text).unwrap()).await,
                Some(Ok(Message::Close(frame))) => discord.note(Heard::Closed(frame.map(|frame| frame.code))),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

async fn hear(discord: &LittleDiscord, socket: &mut WebSocket, message: &Value) {
    match message["op"].as_u64() {
        Some(1) => say(socket, &json!({ "op": 11, "s": null, "t": null, "d": null })).await,
        Some(2) => {
            discord.note(Heard::Identify);
            let ready = json!({ "v": 10, "session_id": "new", "resume_gateway_url": discord.socket, "guilds": [],
                "user": { "id": "1", "username": "b", "discriminator": "0", "avatar": null, "bot": true },
                "application": { "id": "1", "flags": 0 } });
            say(socket, &json!({ "op": 0, "s": 1, "t": "READY", "d": ready })).await;
        }
        Some(6) => {
            let session = message["d"]["session_id"].as_str().unwrap().to_owned();
            let sequence = message["d"]["seq"].as_u64().unwrap();
            discord.note(Heard::Resume { session, sequence });
            match discord.on_resume {
                OnResume::Resumed => {
                    say(socket, &json!({ "op": 0, "s": sequence + 1, "t": "RESUMED", "d": {} })).await;
                }
                OnResume::Invalid => say(socket, &json!({ "op": 9, "s": null, "t": null, "d": false })).await,
                OnResume::Silent => {}
            }
        }
        _ => {}
    }
}
