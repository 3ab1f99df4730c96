//! A health server of this process, in front of a bot whose facts a test can change.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use relais_failover::{
    Policy, Site,
    health::{BotFacts, HealthReport, SIGNATURE_HEADER, verify},
    wire,
};
use relais_health::{Settings, Sockets, run};
use relais_host::{
    http::{Answer, Client},
    listen,
    secret::Secret,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const KEY: &str = "a key that only tests use";
pub(crate) const NONCE: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What the bot's private port answers: `None` = 500.
pub(crate) type Facts = Arc<Mutex<Option<String>>>;

pub(crate) struct Running {
    pub(crate) facts: Facts,
    pub(crate) public: SocketAddr,
    pub(crate) private: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<anyhow::Result<()>>,
    bot: JoinHandle<()>,
    _directory: TempDir,
}

pub(crate) fn serving() -> BotFacts {
    serde_json::from_value(json!({
        "schema": 1, "site": "laptop", "incarnation": "000000000000000000000000000000aa", "term": 4,
        "connected": true, "holder": true, "lease_age_ms": 100, "lease_fresh": true, "ack_age_ms": 1000,
        "loop_lag_ms": 1, "role": "active"
    }))
    .unwrap()
}

impl Running {
    pub(crate) async fn start() -> Self {
        let facts: Facts = Arc::new(Mutex::new(Some(wire::encode(&serving()).unwrap())));
        let told = Arc::clone(&facts);
        let handler = move || {
            let told = told.lock().unwrap().clone();
            async move { told.ok_or(StatusCode::INTERNAL_SERVER_ERROR) }
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = listen::bind(any).await.unwrap();
        let bot_facts = format!("http://{}/facts", listener.local_addr().unwrap());
        let bot = tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/facts", get(handler))).await.unwrap();
        });
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            site: Site::Laptop,
            listen: any,
            metrics_listen: any,
            bot_facts,
            key: Secret::new(KEY).unwrap(),
            state_dir: directory.path().to_owned(),
            min_disk_free_percent: 0,
            policy: Policy::embedded(),
        };
        let sockets = Sockets::open(&settings).await.unwrap();
        let (public, private) = (sockets.public.local_addr().unwrap(), sockets.private.local_addr().unwrap());
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(settings, sockets, stop.clone()));
        Self { facts, public, private, stop, running, bot, _directory: directory }
    }

    pub(crate) fn tell(&self, facts: &BotFacts) {
        *self.facts.lock().unwrap() = Some(wire::encode(facts).unwrap());
    }

    pub(crate) fn kill_bot(&self) {
        self.bot.abort();
        *self.facts.lock().unwrap() = None;
    }

    pub(crate) async fn ask(&self, nonce: &str) -> Answer {
        let url = format!("http://{}/health?nonce={nonce}", self.public);
        Client::new(LONG, 16 * 1024).get(&url).await.unwrap()
    }

    /// Asks rightly, checks the signature and gives status and report.
    pub(crate) async fn report(&self) -> (u16, HealthReport) {
        let answer = self.ask(NONCE).await;
        let signature = answer.headers[SIGNATURE_HEADER].to_str().unwrap();
        assert!(verify(KEY.as_bytes(), NONCE, &answer.body, signature));
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
    }
}
