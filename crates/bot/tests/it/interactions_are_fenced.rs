use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use relais_bot::{
    commands::keys,
    interactions::{Answered, Asked, Desk, Outcome, Tools, age_of},
    language::{Language, say},
    leadership::Signal,
    permit::{Permit, View},
    vitals::Vitals,
};
use relais_failover::{Claim, Fence, Incarnation, LeaseOp, LeaseRecord, Policy, Role, Site, Term, Version, WallClock};
use relais_host::clock::{Boottime, Clock as _};
use relais_store::{
    Faulty, LeaseStore as _, Memory, StateStore as _,
    faulty::{Call, Fault},
};
use serde_json::{Value, json};
use serenity::{http::HttpBuilder, model::application::Interaction};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

type Scripted = Arc<Mutex<Vec<(u16, i64)>>>;
type Heard = Arc<Mutex<Vec<Value>>>;

async fn callback(State((script, heard)): State<(Scripted, Heard)>, Json(body): Json<Value>) -> impl IntoResponse {
    let next = script.lock().unwrap().pop();
    match next {
        Some((status, code)) => {
            let body = json!({ "code": code, "message": "scripted", "retry_after": 0.01, "global": false });
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
        None => {
            heard.lock().unwrap().push(body);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

struct Site1 {
    desk: Desk,
    store: Arc<Faulty<Memory>>,
    view: watch::Sender<View>,
    signals: mpsc::UnboundedReceiver<Signal>,
    script: Scripted,
    heard: Heard,
}

impl Site1 {
    async fn holding() -> Self {
        Self::with(false).await
    }

    async fn with(reckless: bool) -> Self {
        let (script, heard): (Scripted, Heard) = Default::default();
        let router = Router::new()
            .route("/api/v10/interactions/{id}/{token}/callback", post(callback))
            .with_state((script.clone(), heard.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let policy = Policy::embedded();
        let memory = Memory::new();
        memory.init(&LeaseRecord::initial(Version::new(1), policy.ttl, WallClock(0))).await.unwrap();
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(7) };
        take(&memory, claim, 1, 2).await;
        let store = Arc::new(Faulty::new(memory));
        let fence = Fence { site: claim.site, incarnation: claim.incarnation, term: Term(1) };
        let until = Some(Boottime.now() + Duration::from_secs(600));
        let (view, seen) = watch::channel(View {
            role: Role::Active,
            fence: Some(fence),
            begin_until: until,
            finish_until: until,
            renewed_at: Some(Boottime.now()),
            ..View::initial(Boottime.wall())
        });
        let (signals, told) = mpsc::unbounded_channel();
        let tools = Tools {
            http: Arc::new(HttpBuilder::new("x").proxy(base).ratelimiter_disabled(true).build()),
            store: store.clone(),
            clock: Arc::new(Boottime),
            policy,
            permit: Permit::new(seen, Arc::new(Boottime), Site::Laptop, reckless),
            vitals: Arc::new(Vitals::default()),
            signals,
            operators: Arc::default(),
        };
        let desk = Desk::new(tools, fence, CancellationToken::new());
        Self { desk, store, view, signals: told, script, heard }
    }

    fn said(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|body| body["data"]["content"].as_str().unwrap().to_owned()).collect()
    }

    async fn note(&self) -> Option<Value> {
        self.store.inner().read(&keys::tag("dm-3", "milk")).await.unwrap().map(|item| item.value["text"].clone())
    }
}

async fn take(memory: &Memory, claim: Claim, expected: u128, version: u128) {
    let (expected, version) = (Version::new(expected), Version::new(version));
    let op = LeaseOp::AcquireStale { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
    memory.apply(&op).await.unwrap();
}

fn interaction(age: Duration, kind: u8, data: &Value) -> Asked {
    let created = Boottime.wall().0 - age.as_millis() as u64 - 1_420_070_400_000;
    let value = json!({
        "id": (created << 22).to_string(), "application_id": "1", "type": kind, "token": "t", "version": 1,
        "channel_id": "5", "locale": "en-US", "entitlements": [], "attachment_size_limit": 0,
        "user": { "id": "3", "username": "u", "discriminator": "0", "avatar": null },
        "data": data
    });
    Asked::of(&serde_json::from_value::<Interaction>(value).unwrap(), Boottime.wall()).unwrap()
}

/// The form of a tag comes back: one durable write.
fn set(age: Duration) -> Asked {
    let input = json!({ "type": 4, "custom_id": "text", "value": "2 l" });
    let rows = json!([{ "type": 1, "components": [input] }]);
    interaction(age, 5, &json!({ "custom_id": "tag:keep:milk", "components": rows }))
}

/// A tag is asked for: one read.
fn get(age: Duration) -> Asked {
    let name = json!([{ "name": "name", "type": 3, "value": "milk" }]);
    let options = json!([{ "name": "get", "type": 1, "options": name }]);
    interaction(age, 2, &json!({ "id": "9", "name": "tag", "type": 1, "options": options }))
}

const NEW: Duration = Duration::ZERO;

#[tokio::test]
async fn note_is_durable_before_the_answer_and_read_back() {
    let site = Site1::holding().await;
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::Answered(Answered::Spoken));
    assert_eq!(site.note().await, Some(json!("2 l")));
    assert_eq!(site.desk.serve(&get(Duration::from_millis(3))).await, Outcome::Answered(Answered::Spoken));
    assert_eq!(site.said(), ["Kept: milk", "2 l"]);
    let heard = site.heard.lock().unwrap();
    assert_eq!(heard[0]["data"]["flags"], 64, "ephemeral");
    assert_eq!(heard[1]["data"]["allowed_mentions"]["parse"], json!([]), "mentions off");
}

#[tokio::test]
async fn old_interaction_is_dropped_without_side_effects() {
    let site = Site1::holding().await;
    assert_eq!(site.desk.serve(&set(Duration::from_millis(2600))).await, Outcome::Expired);
    assert_eq!(site.note().await, None);
    assert!(site.said().is_empty());
}

#[test]
fn age_counts_from_the_snowflake_and_is_never_negative() {
    let id = serenity::model::id::InteractionId::new(1_000 << 22);
    assert_eq!(age_of(id, WallClock(1_420_070_403_500)), Duration::from_millis(2500));
    assert_eq!(age_of(id, WallClock(0)), Duration::ZERO);
}

#[tokio::test]
async fn nothing_begins_without_the_permit() {
    let site = Site1::holding().await;
    site.view.send_modify(|view| view.begin_until = Some(Boottime.now()));
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::NotPermitted);
    assert_eq!(site.note().await, None);
}

#[tokio::test]
async fn fenced_write_is_followed_by_silence_and_a_doubt() {
    let mut site = Site1::holding().await;
    take(site.store.inner(), Claim { site: Site::Cloud, incarnation: Incarnation::new(8) }, 2, 3).await;
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::Fenced);
    assert_eq!(site.note().await, None);
    assert!(site.said().is_empty());
    assert!(matches!(site.signals.recv().await, Some(Signal::Doubt)));
}

#[tokio::test]
async fn store_out_of_reach_is_told_while_the_permit_holds_and_only_then() {
    let site = Site1::holding().await;
    site.store.cut(true);
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::ReadOnly(Answered::Spoken));
    assert_eq!(site.said(), [say(Language::English, "read-only", &[])]);
    site.view.send_modify(|view| view.finish_until = None);
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::Unspoken);
    assert_eq!(site.said().len(), 1);
}

#[tokio::test]
async fn answer_is_not_sent_when_the_permit_ends_during_the_commit() {
    let site = Site1::holding().await;
    site.store.next(Call::Commit, Fault::Slow(Duration::from_millis(300)));
    let (command, view) = (set(NEW), site.view.clone());
    let end = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        view.send_modify(|view| view.finish_until = None);
    };
    let (outcome, ()) = tokio::join!(site.desk.serve(&command), end);
    assert_eq!(outcome, Outcome::Unspoken);
    assert!(site.said().is_empty());
}

#[tokio::test]
async fn replayed_interaction_is_answered_again_but_written_once() {
    let site = Site1::holding().await;
    let command = set(NEW);
    site.desk.serve(&command).await;
    site.script.lock().unwrap().push((400, 40060));
    assert_eq!(site.desk.serve(&command).await, Outcome::Answered(Answered::Already));
    let item = site.store.inner().read(&keys::tag("dm-3", "milk")).await.unwrap().unwrap();
    assert_eq!(item.revision, 1);
}

#[tokio::test]
async fn rate_limited_answer_is_tried_again_and_a_refused_one_is_not() {
    let site = Site1::holding().await;
    site.script.lock().unwrap().push((429, 0));
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::Answered(Answered::Spoken));
    site.script.lock().unwrap().push((404, 10062));
    assert_eq!(site.desk.serve(&get(NEW)).await, Outcome::Answered(Answered::TooLate));
    site.script.lock().unwrap().push((500, 0));
    assert_eq!(site.desk.serve(&get(Duration::from_millis(7))).await, Outcome::Answered(Answered::Unknown));
    assert_eq!(site.said().len(), 1);
}

#[tokio::test]
async fn mutant_without_a_fence_speaks_although_it_lost_the_lease() {
    let site = Site1::with(true).await;
    take(site.store.inner(), Claim { site: Site::Cloud, incarnation: Incarnation::new(8) }, 2, 3).await;
    assert_eq!(site.desk.serve(&set(NEW)).await, Outcome::Answered(Answered::Spoken));
    assert_eq!(site.note().await, None, "which is the lie that the rehearsal must find");
}
