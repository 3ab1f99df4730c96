//! Starting and stopping: listeners first, so that a taken port is one clear error.

use std::{collections::HashMap, io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, Request, State, ws::WebSocketUpgrade},
    http::Response,
    response::IntoResponse,
    serve::ListenerExt,
};
use tokio::net::TcpListener;

use super::{
    SmallDiscord,
    config::DiscordConfig,
    gateway::{self, Manner},
    judge::Judge,
    rest,
    state::Shared,
};

/// Why a small Discord did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address could not be bound.
    #[error("listen for {tag} on {address}")]
    Listen {
        /// The source's tag.
        tag: String,
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The OpenAPI document is there but cannot be used.
    #[error("read the OpenAPI document {}: {why}", path.display())]
    OpenApi {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// What a listener's handlers know.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    source: Arc<str>,
}

impl SmallDiscord {
    /// Binds every listener and serves until [`SmallDiscord::shutdown`] or drop.
    ///
    /// # Errors
    ///
    /// [`StartError`]: a taken or foreign address, a broken OpenAPI document. A document that is not there is no error:
    /// see [`SmallDiscord::openapi_judged`].
    pub async fn start(config: DiscordConfig) -> Result<Self, StartError> {
        let judge = Judge::new(config.openapi.as_deref())?;
        let mut doors = Vec::new();
        for (tag, address) in &config.listeners {
            let fault = |source| StartError::Listen { tag: tag.clone(), address: *address, source };
            let listener = TcpListener::bind(address).await.map_err(fault)?;
            let bound = listener.local_addr().map_err(fault)?;
            doors.push((tag.clone(), listener, bound));
        }
        let shared = Arc::new(Shared::new(config, judge));
        let mut addresses = HashMap::new();
        for (tag, listener, bound) in doors {
            shared.state().gateway_urls.entry(tag.clone()).or_insert_with(|| format!("ws://{bound}"));
            let door = Door { shared: Arc::clone(&shared), source: Arc::from(tag.as_str()) };
            let router = Router::new().fallback(enter).with_state(door);
            let stop = shared.stop.clone();
            let listener = listener.tap_io(|stream| {
                // Small frames both ways: waiting to fill a packet would only add to every latency.
                let _ = stream.set_nodelay(true);
            });
            let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            shared.tasks.spawn(async move {
                if let Err(error) = served.await {
                    tracing::error!(%error, "a listener of the small Discord broke");
                }
            });
            addresses.insert(tag, bound);
        }
        shared.tasks.spawn(Arc::clone(&shared).janitor());
        Ok(Self { shared, addresses })
    }
}

/// Gateway or REST, by whether a websocket is asked for.
async fn enter(State(Door { shared, source }): State<Door>, request: Request) -> Response<Body> {
    let path = request.uri().path();
    if !(path == "/" || path.is_empty()) {
        return rest::serve(shared, source, request).await;
    }
    let manner = Manner::of(request.uri().query().unwrap_or_default());
    let (mut head, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut head, &()).await {
        Ok(upgrade) => {
            let tasks = shared.tasks.clone();
            upgrade.on_upgrade(move |link| tasks.track_future(gateway::speak(shared, source, manner, link)))
        }
        Err(refused) => refused.into_response(),
    }
}
