//! A few words of EC2, SSM and SNS on one port, and a store in memory beside them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use relais_failover::{Claim, Incarnation, LeaseOp, LeaseRecord, Policy, Site, Version, WallClock};
use relais_store::{LeaseStore as _, Memory, served};
use serde_json::{Value, json};

/// What the account was asked, and what it shows.
#[derive(Debug, Default)]
pub struct Seen {
    /// The client tokens of `RunInstances`, in order.
    pub tokens: Vec<String>,
    /// The state of the one machine; none if there is none.
    pub machine: Option<&'static str>,
    /// The messages that were published.
    pub published: Vec<String>,
    /// SSM parameters: name and value.
    pub parameters: Vec<(String, String)>,
    /// How often parameters were read.
    pub reads: usize,
    /// Actions that nobody should ask for.
    pub strange: Vec<String>,
}

/// An account and a store.
pub struct LittleAws {
    seen: Arc<Mutex<Seen>>,
    /// Its address, for `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// The store that the function reaches over HTTP.
    pub store: Arc<Memory>,
    /// The numbers, paced.
    pub policy: Policy,
    /// Where the function looks for the laptop's health; nothing listens there.
    pub health: String,
    store_at: SocketAddr,
}

impl LittleAws {
    /// The laptop held the lease and is gone: nobody renews, nobody answers.
    ///
    /// # Errors
    /// No port, or a pace that is none.
    pub async fn with_the_laptop_gone(pace: f64) -> anyhow::Result<Self> {
        let (store, policy) = (Arc::new(Memory::new()), Policy::embedded().paced(pace)?);
        store.init(&LeaseRecord::initial(Version::new(0), policy.ttl, WallClock(0))).await?;
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(1) };
        let (expected, version) = (Version::new(0), Version::new(1));
        let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
        store.apply(&op).await?;
        let store_at = serve(served::router(Arc::clone(&store) as _)).await?;
        let parameters = vec![("/relais/health-key".to_owned(), "a-key".to_owned())];
        let seen = Arc::new(Mutex::new(Seen { parameters, ..Seen::default() }));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let endpoint = format!("http://{}", serve(router).await?);
        let health = "http://127.0.0.1:9/health".to_owned();
        Ok(Self { seen, endpoint, store, policy, health, store_at })
    }

    /// What it was asked so far; what it shows may be changed through it.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The function's settings for it.
    #[must_use]
    pub fn settings(&self) -> Value {
        json!({
            "store": format!("http://{}", self.store_at),
            "probe": { "url": self.health, "key_parameter": "/relais/health-key" },
            "standby": {
                "kind": "launch", "project": "relais", "template": "lt-1", "types": ["small"], "subnets": ["a"],
            },
            "alerts": { "topic": "arn:aws:sns:eu-west-3:123456789012:relais" },
            "policy": serde_json::from_str::<Value>(&self.policy.to_json()).unwrap_or_default(),
        })
    }
}

pub(super) async fn serve(router: axum::Router) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("find a port")?;
    let address = listener.local_addr().context("find a port")?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if target == "AmazonSSM.GetParameters" {
        return seen.parameters(&body);
    }
    let form = String::from_utf8_lossy(&body).into_owned();
    let value = |key: &str| {
        let found = form.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    match value("Action").as_str() {
        "DescribeInstances" => {
            let items = seen.machine.map_or_else(String::new, |state| {
                format!("<item><instanceId>i-1</instanceId><instanceState><name>{state}</name></instanceState></item>")
            });
            let set = format!("<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>");
            (StatusCode::OK, format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>"))
        }
        "RunInstances" => {
            seen.tokens.push(value("ClientToken"));
            seen.machine = Some("pending");
            (StatusCode::OK, "<RunInstancesResponse><instancesSet/></RunInstancesResponse>".to_owned())
        }
        "Publish" => {
            seen.published.push(value("Message").replace('+', " ").replace("%20", " ").replace("%3A", ":"));
            let result = "<PublishResult><MessageId>1</MessageId></PublishResult>";
            (StatusCode::OK, format!("<PublishResponse>{result}</PublishResponse>"))
        }
        other => {
            seen.strange.push(other.to_owned());
            (StatusCode::BAD_REQUEST, String::new())
        }
    }
}

impl Seen {
    fn parameters(&mut self, body: &[u8]) -> (StatusCode, String) {
        self.reads += 1;
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        // A value that is not decrypted is no use to anybody.
        if asked["WithDecryption"] != true {
            return (StatusCode::BAD_REQUEST, String::new());
        }
        let wanted = |name: &str| asked["Names"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
        let known = self.parameters.iter().filter(|(name, _)| wanted(name));
        let found: Vec<Value> = known.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        (StatusCode::OK, json!({ "Parameters": found, "InvalidParameters": [] }).to_string())
    }
}
