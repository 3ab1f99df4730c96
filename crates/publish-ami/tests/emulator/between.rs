//! A way to the emulator that writes down what is asked, and holds it to what AWS does and the emulator does not: checksums
//! are judged, a client token gives the same snapshot again, and a snapshot is pending until it is sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_smithy_types::base64;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use relais_host::http::Client;
use relais_publish_ami::plan::sum;

/// Far longer than an emulator on a busy machine takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Where the emulator is, `http://127.0.0.1:5001`.
pub(crate) fn endpoint() -> String {
    std::env::var("RELAIS_AWS_ENDPOINT").unwrap_or_else(|_| panic!("RELAIS_AWS_ENDPOINT is not set"))
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `PutSnapshotBlock`, `RegisterImage`, `PutParameter`, …
    pub(crate) call: String,
    /// Of which snapshot, for calls of the EBS direct APIs.
    pub(crate) snapshot: String,
    /// Which block.
    pub(crate) index: Option<u32>,
    /// The body, unless it is a block.
    pub(crate) body: String,
}

#[derive(Default)]
struct Inside {
    seen: Vec<Seen>,
    /// The checksums of blocks that were taken.
    blocks: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    tokens: BTreeMap<String, (StatusCode, HeaderMap, Bytes)>,
    begun: BTreeSet<String>,
    /// Sealed snapshots, and how often they were looked at since.
    sealed: BTreeMap<String, u32>,
    wrong: Vec<String>,
    /// After so many more blocks, none is answered any more.
    holds_after: Option<usize>,
    /// The next seal is carried out, and answered with a fault of the service.
    loses_the_seal: bool,
    /// This call is never answered.
    holds: Option<&'static str>,
    /// This call is refused with this code.
    refuses: Option<(&'static str, &'static str)>,
    /// Every second block is told to come again.
    throttles: bool,
    turn: u32,
}

/// The way.
#[derive(Clone)]
pub(crate) struct Between {
    inside: Arc<Mutex<Inside>>,
    client: Client,
    pub(crate) url: String,
}

impl Between {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let way = Self { inside: Arc::default(), client: Client::new(LONG, 1 << 24), url };
        let router = Router::new().fallback(pass).with_state(way.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        way
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub(crate) fn hold_after(&self, blocks: Option<usize>) {
        self.inside().holds_after = blocks;
    }

    pub(crate) fn hold(&self, call: Option<&'static str>) {
        self.inside().holds = call;
    }

    pub(crate) fn lose_the_seal(&self) {
        self.inside().loses_the_seal = true;
    }

    pub(crate) fn refuse(&self, call: &'static str, code: &'static str) {
        self.inside().refuses = Some((call, code));
    }

    pub(crate) fn throttle(&self) {
        self.inside().throttles = true;
    }

    /// What was asked since the last time. Nothing may have been wrong.
    pub(crate) fn take(&self) -> Vec<Seen> {
        let mut inside = self.inside();
        assert_eq!(inside.wrong, Vec::<String>::new());
        std::mem::take(&mut inside.seen)
    }

    /// How often this was asked since the last time.
    pub(crate) fn asked(&self, call: &str) -> usize {
        self.inside().seen.iter().filter(|seen| seen.call == call).count()
    }

    /// Blocks that were taken.
    pub(crate) fn taken(&self) -> usize {
        self.inside().blocks.values().map(BTreeMap::len).sum()
    }
}

/// Of these requests, those of one call.
pub(crate) fn of<'a>(seen: &'a [Seen], call: &str) -> Vec<&'a Seen> {
    seen.iter().filter(|seen| seen.call == call).collect()
}

fn meant(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Seen {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (mut call, mut snapshot, mut index) = (String::new(), String::new(), None);
    match (method.as_str(), &parts[..]) {
        ("POST", ["snapshots"]) => call = "StartSnapshot".to_owned(),
        ("PUT", ["snapshots", id, "blocks", number]) => {
            (call, snapshot, index) = ("PutSnapshotBlock".to_owned(), (*id).to_owned(), Some(number.parse().unwrap()));
        }
        ("POST", ["snapshots", "completion", id]) => {
            (call, snapshot) = ("CompleteSnapshot".to_owned(), (*id).to_owned());
        }
        ("GET", ["snapshots", id, "blocks"]) => (call, snapshot) = ("ListSnapshotBlocks".to_owned(), (*id).to_owned()),
        _ => {}
    }
    let text = if index.is_some() { String::new() } else { String::from_utf8_lossy(body).into_owned() };
    if let Some(target) = headers.get("x-amz-target") {
        call = target.to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    } else if let Some(action) = text.split('&').find_map(|pair| pair.strip_prefix("Action=")) {
        call = action.to_owned();
    }
    assert!(!call.is_empty(), "{method} {path}");
    Seen { call, snapshot, index, body: text }
}

async fn pass(State(way): State<Between>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    let path = head.uri.path_and_query().unwrap().as_str().to_owned();
    let seen = meant(&head.method, head.uri.path(), &head.headers, &body);
    way.inside().seen.push(seen.clone());
    if let Some(answer) = before(&way, &seen, &head.headers, &body) {
        match answer {
            Some((status, headers, body)) => return response(status, &headers, body),
            // Whoever asked must give up by itself.
            None => std::future::pending().await,
        }
    }
    let headers: Vec<(&str, &str)> = head
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length" | "connection"))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let url = format!("{}{path}", endpoint());
    let answer = way.client.send(head.method, &url, &headers, body.clone()).await.unwrap();
    let body = after(&way, &seen, &head.headers, &body, answer.status, &answer.headers, answer.body);
    if seen.call == "CompleteSnapshot" && std::mem::take(&mut way.inside().loses_the_seal) {
        return response(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), Bytes::new());
    }
    response(answer.status, &answer.headers, body)
}

fn response(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        if !matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding") {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

type Answer = (StatusCode, HeaderMap, Bytes);

/// As the service of the call says no.
fn refusal(call: &str, code: &str) -> Answer {
    let mut headers = HeaderMap::new();
    let body = match call {
        // What comes too slowly has the code of what is wrong for good, and another reason.
        "PutSnapshotBlock" if code == SLOW => {
            headers.insert("x-amzn-errortype", "ValidationException".parse().unwrap());
            format!(r#"{{"Message":"slow","Reason":"{SLOW}"}}"#)
        }
        "StartSnapshot" | "PutSnapshotBlock" | "CompleteSnapshot" | "ListSnapshotBlocks" => {
            headers.insert("x-amzn-errortype", code.parse().unwrap());
            r#"{"Message":"it says no"}"#.to_owned()
        }
        "GetParameter" | "PutParameter" => format!(r#"{{"__type":"{code}","message":"it says no"}}"#),
        _ => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>it says no</Message></Error></Errors></Response>"
        ),
    };
    (StatusCode::BAD_REQUEST, headers, Bytes::from(body))
}

const SLOW: &str = "WRITE_REQUEST_TIMEOUT";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What is answered without asking the emulator; `Some(None)` for never.
fn before(way: &Between, seen: &Seen, headers: &HeaderMap, body: &[u8]) -> Option<Option<Answer>> {
    let mut inside = way.inside();
    if inside.holds == Some(seen.call.as_str()) {
        return Some(None);
    }
    if let Some((call, code)) = inside.refuses
        && call == seen.call
    {
        return Some(Some(refusal(call, code)));
    }
    match seen.call.as_str() {
        "StartSnapshot" => {
            let body: serde_json::Value = serde_json::from_slice(body).unwrap();
            inside.tokens.get(body["ClientToken"].as_str().unwrap()).cloned().map(Some)
        }
        "PutSnapshotBlock" => {
            if let Some(left) = inside.holds_after.as_mut() {
                let Some(less) = left.checked_sub(1) else { return Some(None) };
                *left = less;
            }
            inside.turn += 1;
            if inside.throttles && inside.turn % 2 == 1 {
                let code = if inside.turn % 4 == 1 { "RequestThrottledException" } else { SLOW };
                return Some(Some(refusal(&seen.call, code)));
            }
            let given = (body.len(), text(headers, "x-amz-data-length"), text(headers, "x-amz-checksum-algorithm"));
            let right =
                text(headers, "x-amz-checksum") == base64::encode(sum(body)) && given == (524_288, "524288", "SHA256");
            if !right || inside.sealed.contains_key(&seen.snapshot) || !inside.begun.contains(&seen.snapshot) {
                inside.wrong.push(format!("block {:?} of {}: {given:?}", seen.index, seen.snapshot));
                return Some(Some(refusal(&seen.call, "ValidationException")));
            }
            None
        }
        "CompleteSnapshot" if inside.sealed.contains_key(&seen.snapshot) => {
            Some(Some(refusal(&seen.call, "ValidationException")))
        }
        "CompleteSnapshot" => {
            let there = inside.blocks.get(&seen.snapshot).cloned().unwrap_or_default();
            let all: Vec<u8> = there.values().flatten().copied().collect();
            let given = ["changedblockscount", "checksum", "checksum-algorithm", "checksum-aggregation-method"]
                .map(|name| text(headers, &format!("x-amz-{name}")).to_owned());
            let expected =
                [there.len().to_string(), base64::encode(sum(&all)), "SHA256".to_owned(), "LINEAR".to_owned()];
            if given != expected {
                inside.wrong.push(format!("seal of {}: {given:?}, not {expected:?}", seen.snapshot));
                return Some(Some(refusal(&seen.call, "ValidationException")));
            }
            None
        }
        _ => None,
    }
}

/// What is remembered of an answer, and the answer as AWS would have given it.
fn after(
    way: &Between,
    seen: &Seen,
    headers: &HeaderMap,
    sent: &[u8],
    status: StatusCode,
    answered: &HeaderMap,
    body: Bytes,
) -> Bytes {
    let mut inside = way.inside();
    match seen.call.as_str() {
        "StartSnapshot" => {
            let (sent, got): (serde_json::Value, serde_json::Value) =
                (serde_json::from_slice(sent).unwrap(), serde_json::from_slice(&body).unwrap());
            let token = sent["ClientToken"].as_str().unwrap().to_owned();
            inside.begun.insert(got["SnapshotId"].as_str().unwrap().to_owned());
            inside.tokens.insert(token, (status, answered.clone(), body.clone()));
        }
        "PutSnapshotBlock" if status.is_success() => {
            let sum = base64::decode(text(headers, "x-amz-checksum")).unwrap();
            inside.blocks.entry(seen.snapshot.clone()).or_default().insert(seen.index.unwrap(), sum);
        }
        "CompleteSnapshot" if status.is_success() => drop(inside.sealed.insert(seen.snapshot.clone(), 0)),
        "DescribeSnapshots" => return pending(&mut inside, &body),
        _ => {}
    }
    body
}

/// Snapshots that were begun and not sealed are pending, and so they are at the first look after that.
fn pending(inside: &mut Inside, body: &Bytes) -> Bytes {
    let page = String::from_utf8(body.to_vec()).unwrap();
    let items = page.split_inclusive("</item>").map(|item| {
        let Some(id) = inside.begun.iter().find(|id| item.contains(&format!("<snapshotId>{id}<"))) else {
            return item.to_owned();
        };
        let looks = inside.sealed.get_mut(id);
        if looks.is_some_and(|looks| std::mem::replace(looks, 1) > 0) {
            return item.to_owned();
        }
        item.replace("<status>completed<", "<status>pending<").replace("<progress>100%<", "<progress>50%<")
    });
    Bytes::from(items.collect::<String>())
}
