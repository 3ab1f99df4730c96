//! The load server: so much of Discord as a bot needs to connect and to answer, and nothing that judges it. It stands
//! apart from the small Discord of the rehearsal, whose log and rules would be what is measured.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State, WebSocketUpgrade},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::{any, get, post, put},
    serve::ListenerExt as _,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use crate::{
    ask::{APPLICATION, Ask, number},
    gateway,
    tally::{Summary, Tally},
};

/// A running server.
pub struct Discord {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What requests and the socket share.
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    began: Duration,
    tally: Mutex<Tally>,
    unknown: Mutex<BTreeSet<String>>,
    /// The way to the socket whose session began last.
    session: Mutex<Option<mpsc::UnboundedSender<Value>>>,
}

impl Shared {
    fn now(&self) -> Duration {
        since_boot().saturating_sub(self.began)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Value>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on questions go this way.
    pub(crate) fn begin(&self, session: mpsc::UnboundedSender<Value>) {
        *self.session() = Some(session);
    }
}

impl Discord {
    /// Opens it on a free port of the loopback.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (tally, unknown, session) = (Mutex::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { address, began: since_boot(), tally, unknown, session });
        let router = Router::new()
            .route("/api/v10/gateway", get(way))
            .route("/api/v10/gateway/bot", get(way))
            .route("/api/v10/users/@me", get(async || Json(gateway::own_user())))
            .route("/api/v10/oauth2/applications/@me", get(async || Json(application())))
            .route("/api/v10/applications/@me", get(async || Json(application())))
            .route("/api/v10/applications/{application}/commands", put(registered).get(async || Json(json!([]))))
            .route("/api/v10/interactions/{id}/{token}/callback", post(answered))
            .route("/", any(socket))
            .fallback(unknown_route)
            .with_state(Arc::clone(&shared));
        let listener = listener.tap_io(|stream| {
            // Without it an answer waits for the next packet; the connection itself is good all the same.
            let _ = stream.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            // It ends with the benchmark only.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, server })
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether a bot has a session.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.shared.session().as_ref().is_some_and(|session| !session.is_closed())
    }

    /// The clock of all times here.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Asks one thing, due at `due`; the question's number. Without a session nobody hears it.
    pub fn ask(&self, ask: Ask, user: u64, due: Duration) -> usize {
        let number = self.shared.tally().asked(ask, due);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event = ask.event(number, user, u64::try_from(unix.as_millis()).unwrap_or(0));
        if let Some(session) = &*self.shared.session() {
            // Whoever hung up misses it, and it counts as lost.
            let _ = session.send(event);
        }
        number
    }

    /// How many questions there were so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.shared.tally().count()
    }

    /// When a question was answered.
    #[must_use]
    pub fn answered_at(&self, number: usize) -> Option<Duration> {
        self.shared.tally().answered_at(number)
    }

    /// Whether each question from number `first` on has its answer.
    #[must_use]
    pub fn is_answered_from(&self, first: usize) -> bool {
        self.shared.tally().is_answered_from(first)
    }

    /// What the questions from number `first` on came to.
    #[must_use]
    pub fn summary(&self, first: usize) -> Summary {
        self.shared.tally().summary(first)
    }

    /// Requests that this server does not know, each once: what a bot needed and did not get.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        self.shared.unknown.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for Discord {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// As [`relais_host::clock`] counts it, in nanoseconds: an answer takes less than its millisecond.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

async fn way(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let limit = json!({ "total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1 });
    Json(json!({ "url": format!("ws://{}", shared.address), "shards": 1, "session_start_limit": limit }))
}

fn application() -> Value {
    json!({
        "id": APPLICATION.to_string(), "name": "Relais", "icon": null, "description": "", "summary": "", "type": null,
        "bot": gateway::own_user(), "bot_public": false, "bot_require_code_grant": false, "verify_key": "0".repeat(64),
        "flags": 0, "team": null, "owner": gateway::own_user(),
    })
}

/// Everything is registered as it was sent, with an id.
async fn registered(Json(commands): Json<Vec<Value>>) -> Json<Vec<Value>> {
    let with_id = |(i, mut command): (u64, Value)| {
        command["id"] = json!((APPLICATION + 1 + i).to_string());
        command["application_id"] = json!(APPLICATION.to_string());
        command["version"] = json!("1");
        command
    };
    Json((0_u64..).zip(commands).map(with_id).collect())
}

async fn answered(
    State(shared): State<Arc<Shared>>,
    Path((id, _)): Path<(u64, String)>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let at = shared.now();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let content = body["data"]["content"].as_str().unwrap_or_default();
    if !shared.tally().answered(number(id), at, content) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if !query.is_some_and(|query| query.contains("with_response=")) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let own = json!({ "id": id.to_string(), "type": 2, "response_message_id": id.to_string() });
    // Without the message: a bot that wants none of it has less to read.
    Json(json!({ "interaction": own, "resource": { "type": body["type"] } })).into_response()
}

async fn socket(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let zlib = query.is_some_and(|query| query.contains("compress=zlib-stream"));
    upgrade.on_upgrade(move |link| gateway::speak(shared, link, zlib))
}

async fn unknown_route(State(shared): State<Arc<Shared>>, method: Method, uri: Uri) -> StatusCode {
    let mut unknown = shared.unknown.lock().unwrap_or_else(PoisonError::into_inner);
    unknown.insert(format!("{method} {}", uri.path()));
    StatusCode::NOT_FOUND
}
