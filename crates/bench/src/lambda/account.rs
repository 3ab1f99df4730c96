//! A few words of EC2, SSM and SNS on one port, and a store in memory beside them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use relais_failover::{Claim, Incarnation, LeaseOp, LeaseRecord, Policy, Site, Version, WallClock};
use relais_store::{LeaseStore as _, Memory, served};
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// `RunInstances` by token.
    pub(crate) tokens: Vec<String>,
    /// Whether looks show the machine.
    pub(crate) machine: Option<&'static str>,
    /// What was published.
    pub(crate) published: Vec<String>,
    /// SSM parameters, and how often they were read.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) reads: usize,
}

pub(crate) struct LittleAws {
    seen: Arc<Mutex<Seen>>,
    pub(crate) endpoint: String,
    pub(crate) store: Arc<Memory>,
    store_at: SocketAddr,
    pub(crate) policy: Policy,
}

impl LittleAws {
    /// The laptop held the lease and is gone: nobody renews, nobody answers.
    pub(crate) async fn with_the_laptop_gone(pace: f64) -> Self {
        let (store, policy) = (Arc::new(Memory::new()), Policy::embedded().paced(pace).unwrap());
        store.init(&LeaseRecord::initial(Version::new(0), policy.ttl, WallClock(0))).await.unwrap();
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(1) };
        let (expected, version) = (Version::new(0), Version::new(1));
        let op = LeaseOp::AcquireFree { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
        store.apply(&op).await.unwrap();
        let store_at = serve(served::router(Arc::clone(&store) as _)).await;
        let seen = Arc::new(Mutex::new(Seen::default()));
        seen.lock().unwrap().parameters.push(("/relais/health-key".to_owned(), "a-key".to_owned()));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let endpoint = format!("http://{}", serve(router).await);
        Self { seen, endpoint, store, store_at, policy }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `RELAIS_CONFIG` for it. Nothing listens at the laptop's address.
    pub(crate) fn config(&self) -> Value {
        json!({
            "store": format!("http://{}", self.store_at),
            "probe": { "url": "http://127.0.0.1:9/health", "key_parameter": "/relais/health-key" },
            "standby": {
                "kind": "launch", "project": "relais", "template": "lt-1", "types": ["small"], "subnets": ["a"],
            },
            "alerts": { "topic": "arn:aws:sns:eu-west-3:123456789012:relais" },
            "policy": serde_json::from_str::<Value>(&self.policy.to_json()).unwrap(),
        })
    }
}

pub(crate) async fn serve(router: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn answer(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut seen = seen.lock().unwrap();
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if target == "AmazonSSM.GetParameters" {
        seen.reads += 1;
        let asked: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(asked["WithDecryption"], true);
        let names = asked["Names"].as_array().unwrap();
        let known = seen.parameters.iter().filter(|(name, _)| names.contains(&json!(name)));
        let found: Vec<Value> = known.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        return (StatusCode::OK, json!({ "Parameters": found, "InvalidParameters": [] }).to_string());
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
        other => panic!("nobody should ask for {other}"),
    }
}
