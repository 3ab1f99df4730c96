use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relais_bot::{
    gateway::{Gateway, Manner, session_key},
    interactions::Tools,
    leadership::{Signal, Voice as _},
    permit::{Permit, View},
    vitals::Vitals,
};
use relais_failover::{
    Claim, Fence, Incarnation, LeaseOp, LeaseRecord, Policy, Role, SavedSession, Site, Term, Version, WallClock,
};
use relais_host::{
    clock::{Boottime, Clock as _},
    secret::Secret,
};
use relais_store::{FencedWrite, LeaseStore as _, Memory, OperationId, StateStore as _, Write};
use serde_json::{Value, json};
use serenity::{http::HttpBuilder, model::id::ApplicationId};
use tokio::sync::{mpsc, watch};

use crate::little_discord::{Act, Heard, LittleDiscord, OnResume};

struct Term1 {
    gateway: Gateway,
    discord: LittleDiscord,
    store: Arc<Memory>,
    signals: mpsc::UnboundedReceiver<Signal>,
    policy: Policy,
    vitals: Arc<Vitals>,
    fence: Fence,
    _view: watch::Sender<View>,
}

impl Term1 {
    async fn with(on_resume: OnResume) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let discord = LittleDiscord::start(on_resume).await;
        let policy = Policy::embedded().paced(5.0).unwrap();
        let store = Arc::new(Memory::new());
        store.init(&LeaseRecord::initial(Version::new(1), policy.ttl, WallClock(0))).await.unwrap();
        let claim = Claim { site: Site::Laptop, incarnation: Incarnation::new(7) };
        take(&store, claim, 1, 2).await;
        let fence = Fence { site: claim.site, incarnation: claim.incarnation, term: Term(1) };
        let until = Some(Boottime.now() + Duration::from_secs(600));
        let (view, seen) = watch::channel(View {
            role: Role::Active,
            fence: Some(fence),
            begin_until: until,
            finish_until: until,
            ..View::initial(Boottime.wall())
        });
        let (sender, signals) = mpsc::unbounded_channel();
        let vitals = Arc::new(Vitals::default());
        let http = HttpBuilder::new("x").proxy(discord.base.clone()).ratelimiter_disabled(true);
        let tools = Tools {
            http: Arc::new(http.application_id(ApplicationId::new(1)).build()),
            store: store.clone(),
            clock: Arc::new(Boottime),
            policy: policy.clone(),
            permit: Permit::new(seen, Arc::new(Boottime), Site::Laptop, false),
            vitals: vitals.clone(),
            signals: sender,
            operators: Arc::default(),
        };
        let token = Secret::new("x").unwrap();
        let manner =
            Manner { token, rest_base: Some(discord.base.clone()), shards: None, presence: None, backups: None };
        let gateway = Gateway::new(tools, manner);
        Self { gateway, discord, store, signals, policy, vitals, fence, _view: view }
    }

    fn resume(&mut self, sequence: u64) {
        let resume_url = Some(self.discord.socket.clone());
        let session = SavedSession { session_id: "old".to_owned(), sequence, resume_url, shards: NonZeroU32::MIN };
        self.gateway.activate(self.fence, Some(session), true);
    }

    /// The next signal, within 20 s.
    async fn signal(&mut self) -> Signal {
        let signal = tokio::time::timeout(Duration::from_secs(20), self.signals.recv());
        signal.await.expect("a signal within 20 s").unwrap()
    }

    /// Waits until the store has that item.
    async fn kept(&self, key: &str) -> Value {
        for _ in 0..2_000 {
            if let Some(value) = self.state(key).await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{key} was not written");
    }

    async fn connected(&self) {
        for _ in 0..2_000 {
            if self.vitals.connected() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the session did not come up");
    }

    async fn state(&self, key: &str) -> Option<Value> {
        self.store.read(&key.parse().unwrap()).await.unwrap().map(|item| item.value)
    }
}

async fn take(store: &Memory, claim: Claim, expected: u128, version: u128) {
    let (expected, version) = (Version::new(expected), Version::new(version));
    let op = LeaseOp::AcquireStale { claim, expected, version, ttl_ms: 30_000, wall_hint: WallClock(0) };
    store.apply(&op).await.unwrap();
}

fn resume(sequence: u64) -> Heard {
    Heard::Resume { session: "old".to_owned(), sequence }
}

fn interaction(sequence: u64) -> Value {
    let id = (Boottime.wall().0 - 1_420_070_400_000) << 22;
    json!({ "op": 0, "s": sequence, "t": "INTERACTION_CREATE", "d": {
        "id": id.to_string(), "application_id": "1", "type": 2, "token": "t", "version": 1, "channel_id": "5",
        "locale": "en-US", "entitlements": [], "attachment_size_limit": 0,
        "user": { "id": "3", "username": "u", "discriminator": "0", "avatar": null },
        "data": { "id": "9", "name": "status", "type": 1 }
    } })
}

#[tokio::test]
async fn identify_is_written_down_first_and_the_new_session_is_saved() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.gateway.activate(term.fence, None, false);
    term.discord.until(|heard| heard.contains(&Heard::Identify)).await;
    assert_eq!(term.state("STATE#IDENTIFY").await.unwrap()["at"].as_array().unwrap().len(), 1);
    assert_eq!(term.kept(session_key(0).as_str()).await["session_id"], "new");
    term.discord.act(Act::Send(interaction(2)));
    term.discord
        .until(|heard| heard.iter().any(|heard| matches!(heard, Heard::Answer(text) if text.contains("laptop"))))
        .await;
    assert!(term.vitals.connected());
    term.kept("STATE#COMMANDS").await;
}

#[tokio::test]
async fn handed_over_session_is_resumed_without_asking_for_an_address_or_an_identify() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&resume(5))).await;
    assert_eq!(term.discord.heard(), [Heard::Connected, resume(5)]);
}

#[tokio::test]
async fn saved_row_is_fresher_than_the_lease_after_a_crash() {
    let mut term = Term1::with(OnResume::Resumed).await;
    let value = json!({ "session_id": "old", "sequence": 9, "resume_url": term.discord.socket, "term": 1,
        "saved_wall": Boottime.wall().0 });
    let writes = vec![Write::Put { key: session_key(0), value }];
    let tx = FencedWrite { fence: term.fence, operation: OperationId::new("x"), writes };
    term.store.commit(&tx).await.unwrap();
    let session = SavedSession { session_id: "old".to_owned(), sequence: 5, resume_url: None, shards: NonZeroU32::MIN };
    term.gateway.activate(term.fence, Some(session), false);
    term.discord.until(|heard| heard.contains(&resume(9))).await;
}

#[tokio::test]
async fn lost_connection_is_opened_again_while_the_lease_is_ours() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&resume(5))).await;
    term.connected().await;
    term.discord.act(Act::Drop);
    term.discord.until(|heard| heard.contains(&resume(6))).await;
    loop {
        if let Signal::BoardSeen(_, Some(board)) = term.signal().await {
            assert!(term.fence.admits(&board.lease.unwrap()));
            return;
        }
    }
}

#[tokio::test]
async fn lost_connection_stays_lost_once_the_lease_names_somebody_else() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&resume(5))).await;
    take(&term.store, Claim { site: Site::Cloud, incarnation: Incarnation::new(8) }, 2, 3).await;
    term.discord.act(Act::Drop);
    let mut looks = 0;
    while looks < 3 {
        if let Signal::BoardSeen(..) = term.signal().await {
            looks += 1;
        }
    }
    assert_eq!(term.discord.count(&Heard::Connected), 1);
    assert!(!term.vitals.connected());
}

#[tokio::test]
async fn resume_fight_is_slowed_down_although_every_resume_succeeds() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.resume(5);
    let start = Boottime.now();
    for round in 1..=4 {
        term.discord
            .until(|heard| heard.iter().filter(|heard| matches!(heard, Heard::Resume { .. })).count() == round)
            .await;
        term.discord.act(Act::Drop);
    }
    // Three waits: 1, 2 and 4 times the base.
    assert!(Boottime.now().since(start) >= term.policy.reidentify_wait * 7);
}

#[tokio::test]
async fn invalid_session_is_followed_by_one_paid_identify() {
    let mut term = Term1::with(OnResume::Invalid).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&Heard::Identify)).await;
    assert_eq!(term.discord.count(&resume(5)), 1);
    assert_eq!(term.state("STATE#IDENTIFY").await.unwrap()["at"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn unanswered_resume_is_given_up_by_the_watchdog() {
    let mut term = Term1::with(OnResume::Silent).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&Heard::Identify)).await;
}

#[tokio::test]
async fn spent_budget_lets_no_identify_leave() {
    let mut term = Term1::with(OnResume::Resumed).await;
    let at = vec![Boottime.wall().0; term.policy.identifies_per_day as usize];
    let writes = vec![Write::Put { key: "STATE#IDENTIFY".parse().unwrap(), value: json!({ "at": at }) }];
    let tx = FencedWrite { fence: term.fence, operation: OperationId::new("x"), writes };
    term.store.commit(&tx).await.unwrap();
    term.gateway.activate(term.fence, None, true);
    term.discord.until(|heard| heard.contains(&Heard::Connected)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(term.discord.count(&Heard::Identify), 0);
}

#[tokio::test]
async fn drain_closes_with_4000_and_tells_the_session_before_it_is_done() {
    let mut term = Term1::with(OnResume::Resumed).await;
    term.resume(5);
    term.discord.until(|heard| heard.contains(&resume(5))).await;
    term.connected().await;
    term.gateway.drain(term.policy.drain);
    let mut last = None;
    loop {
        match term.signal().await {
            Signal::SessionMoved(session) => last = Some(session),
            Signal::Drained => break,
            _ => {}
        }
    }
    let last = last.unwrap();
    assert_eq!((last.session_id.as_str(), last.sequence), ("old", 6));
    term.discord.until(|heard| heard.contains(&Heard::Closed(Some(4000)))).await;
    assert_eq!(term.discord.count(&Heard::Connected), 1);
}

#[tokio::test]
async fn rehearsal_never_resumes_at_the_real_gateway() {
    let mut term = Term1::with(OnResume::Resumed).await;
    let resume_url = Some("wss://gateway.discord.gg".to_owned());
    let session = SavedSession { session_id: "old".to_owned(), sequence: 5, resume_url, shards: NonZeroU32::MIN };
    term.gateway.activate(term.fence, Some(session), true);
    term.discord.until(|heard| heard.contains(&resume(5))).await;
    assert_eq!(term.discord.heard()[0], Heard::AskedAddress);
}
