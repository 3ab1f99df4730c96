//! Sessions, resumes, close codes, heartbeats, scripts.

use std::{io::Read, time::Duration};

use flate2::{Decompress, FlushDecompress, read::ZlibDecoder};
use relais_world::discord::{Kind, OldSocket, Opened, Refused, SmallDiscord};
use serde_json::{Value, json};

use super::{
    config, discord,
    link::{Heard, Link, identify},
    status, until,
};

/// Pace at which every time of Discord is long past the test.
const SLOW: f64 = 0.1;

#[tokio::test]
async fn an_identified_session_hears_ready_and_its_guild() {
    let discord = discord(SLOW).await;
    let mut link = Link::open(&discord, "laptop").await;
    link.say(identify()).await;
    let ready = link.payload().await;
    assert_eq!((ready["t"].as_str(), ready["s"].as_u64()), (Some("READY"), Some(1)));
    assert_eq!(ready["d"]["resume_gateway_url"].as_str(), discord.gateway_url_for("laptop").as_deref());
    assert_eq!(link.payload().await["t"], "GUILD_CREATE");
    link.say(json!({"op": 1, "d": 2})).await;
    assert_eq!(link.payload().await["op"], 11);
    discord.shutdown().await;
}

#[tokio::test]
async fn a_resume_replays_in_order_and_then_says_resumed() {
    let discord = discord(SLOW).await;
    let (link, session) = Link::identified(&discord, "laptop").await;
    link.close(4000).await;
    until("the socket is gone", || discord.sockets("laptop") == 0).await;
    let gap: Vec<u64> = (0..3).map(|_| discord.interact(status()).id).collect();
    let mut other = Link::resuming(&discord, "cloud", &session, 2).await;
    for (i, id) in gap.iter().enumerate() {
        let event = other.payload().await;
        assert_eq!((event["s"].as_u64(), event["d"]["id"].as_str()), (Some(3 + i as u64), Some(&*id.to_string())));
    }
    assert_eq!(other.payload().await["t"], "RESUMED");
    let late = discord.interact(status()).id;
    assert_eq!(other.payload().await["d"]["id"], late.to_string());
    let log = discord.log();
    let resumed = log.iter().find(|entry| matches!(entry.kind, Kind::SessionOpened { how: Opened::Resume, .. }));
    assert_eq!(&*resumed.unwrap().source, "cloud");
}

#[tokio::test]
async fn a_normal_close_ends_the_session_and_a_drop_does_not() {
    for (code, over) in [(1000, true), (1001, true), (4000, false)] {
        let discord = discord(SLOW).await;
        let (link, session) = Link::identified(&discord, "laptop").await;
        link.close(code).await;
        until("the socket is gone", || discord.sockets("laptop") == 0).await;
        let mut again = Link::resuming(&discord, "laptop", &session, 2).await;
        let payload = again.payload().await;
        let refused = payload["op"] == 9 && payload["d"] == false;
        assert_eq!((refused, payload["t"] == "RESUMED"), (over, !over), "close {code}");
    }
    let discord = discord(SLOW).await;
    let (mut link, session) = Link::identified(&discord, "laptop").await;
    assert_eq!(discord.drop_all_sockets("laptop"), 1);
    assert_eq!(link.closed().await, Heard::Lost);
    let mut again = Link::resuming(&discord, "laptop", &session, 2).await;
    assert_eq!(again.payload().await["t"], "RESUMED");
}

#[tokio::test]
async fn a_session_without_a_socket_times_out() {
    let mut config = config(1.0);
    config.times.session_life = Duration::from_millis(100);
    let discord = SmallDiscord::start(config).await.unwrap();
    let (link, session) = Link::identified(&discord, "laptop").await;
    link.close(4000).await;
    until("the session is gone", || discord.sessions() == 0).await;
    let mut again = Link::resuming(&discord, "laptop", &session, 2).await;
    assert_eq!(again.payload().await["op"], 9);
}

#[tokio::test]
async fn two_sessions_on_one_token_both_hear_everything() {
    let mut config = config(SLOW);
    config.times.identify_spacing = Duration::ZERO;
    let discord = SmallDiscord::start(config).await.unwrap();
    let (mut laptop, first) = Link::identified(&discord, "laptop").await;
    // A millisecond is the least that it tells apart.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (mut cloud, second) = Link::identified(&discord, "cloud").await;
    assert_ne!(first, second);
    let id = discord.interact(status()).id.to_string();
    assert_eq!(laptop.event("INTERACTION_CREATE").await["d"]["id"], id);
    assert_eq!(cloud.event("INTERACTION_CREATE").await["d"]["id"], id);
}

#[tokio::test]
async fn a_second_identify_too_early_is_an_invalid_session() {
    let discord = discord(SLOW).await;
    let _first = Link::identified(&discord, "laptop").await;
    let mut second = Link::open(&discord, "cloud").await;
    second.say(identify()).await;
    let payload = second.payload().await;
    assert_eq!((payload["op"].as_u64(), payload["d"].as_bool()), (Some(9), Some(false)));
}

#[tokio::test]
async fn each_line_of_shards_has_its_own_spacing() {
    let mut config = config(SLOW);
    config.max_concurrency = 2;
    let discord = SmallDiscord::start(config).await.unwrap();
    for (shard, granted) in [(0, true), (1, true), (2, false)] {
        let mut link = Link::open(&discord, "laptop").await;
        link.say(changed("shard", json!([shard, 4]))).await;
        assert_eq!(link.payload().await["op"] == 0, granted, "shard {shard}");
    }
}

#[tokio::test]
async fn a_bot_in_too_many_servers_is_told_to_have_more_shards() {
    let discord = discord(SLOW).await;
    let (mut only, _) = Link::identified(&discord, "laptop").await;
    assert_eq!(discord.require_shards(2), 1);
    assert_eq!(only.closed().await, Heard::Closed(4011));
    until("the session is gone", || discord.sessions() == 0).await;
    let mut again = Link::open(&discord, "laptop").await;
    again.say(identify()).await;
    assert_eq!(again.closed().await, Heard::Closed(4011));
    let recommended = super::link::request(&discord, "laptop", "GET", "/gateway/bot", None).await.body;
    assert_eq!(recommended["shards"], 2);
}

fn changed(field: &str, value: Value) -> Value {
    let mut payload = identify();
    payload["d"][field] = value;
    payload
}

#[tokio::test]
async fn faults_are_closed_with_their_code() {
    let discord = discord(SLOW).await;
    let cases = [
        (4001, json!({"op": 77})),
        (4002, json!({"no": "op"})),
        (4002, changed("properties", Value::Null)),
        (4003, json!({"op": 3, "d": {}})),
        (4004, changed("token", json!("wrong"))),
        (4010, changed("shard", json!([1, 1]))),
        (4013, changed("intents", json!(1_u64 << 40))),
        (4014, changed("intents", json!(1 << 15))),
        (4002, json!({"op": 6, "d": {}})),
    ];
    for (code, payload) in cases {
        let mut link = Link::open(&discord, "laptop").await;
        link.say(payload.clone()).await;
        assert_eq!(link.closed().await, Heard::Closed(code), "{payload}");
    }
    let mut link = Link::open(&discord, "laptop").await;
    link.text("not json").await;
    assert_eq!(link.closed().await, Heard::Closed(4002));
    let mut old = Link::raw(&discord, "laptop", "v=6").await;
    assert_eq!(old.closed().await, Heard::Closed(4012));
    let mut flood = Link::open(&discord, "laptop").await;
    for _ in 0..121 {
        flood.say(json!({"op": 1, "d": null})).await;
    }
    assert_eq!(flood.closed().await, Heard::Closed(4008));
    let (mut twice, session) = Link::identified(&discord, "laptop").await;
    twice.say(identify()).await;
    assert_eq!(twice.closed().await, Heard::Closed(4005));
    let mut ahead = Link::resuming(&discord, "laptop", &session, 99).await;
    assert_eq!(ahead.closed().await, Heard::Closed(4007));
}

#[tokio::test]
async fn a_silent_client_is_closed_with_4009() {
    let mut config = config(1.0);
    config.times.heartbeat_patience = Duration::from_millis(1500);
    let discord = SmallDiscord::start(config).await.unwrap();
    let (mut link, session) = Link::identified(&discord, "laptop").await;
    assert_eq!(link.closed().await, Heard::Closed(4009));
    let mut again = Link::resuming(&discord, "laptop", &session, 2).await;
    assert_eq!(again.payload().await["op"], 9);
}

#[tokio::test]
async fn a_zombie_link_is_silent_until_it_is_well() {
    let discord = discord(SLOW).await;
    let (mut link, session) = Link::identified(&discord, "laptop").await;
    link.event("GUILD_CREATE").await;
    discord.zombie("laptop", true);
    link.say(json!({"op": 1, "d": 2})).await;
    let id = discord.interact(status()).id.to_string();
    // Another link resumes meanwhile, hears it at once, and proves that the first heard nothing before it was well.
    let mut other = Link::resuming(&discord, "cloud", &session, 2).await;
    assert_eq!(other.payload().await["d"]["id"], id);
    discord.zombie("laptop", false);
    assert_eq!(link.payload().await["t"], "INTERACTION_CREATE");
}

#[tokio::test]
async fn a_stuck_resume_gets_heartbeats_and_nothing_else() {
    let discord = discord(SLOW).await;
    let (link, session) = Link::identified(&discord, "laptop").await;
    link.close(4000).await;
    discord.stuck_resume(1);
    let mut stuck = Link::resuming(&discord, "laptop", &session, 2).await;
    stuck.say(json!({"op": 1, "d": 2})).await;
    assert_eq!(stuck.payload().await["op"], 11);
    let mut well = Link::resuming(&discord, "laptop", &session, 2).await;
    assert_eq!(well.payload().await["t"], "RESUMED");
    assert!(discord.log().iter().any(|e| matches!(e.kind, Kind::SessionRefused { reason: Refused::Stuck, .. })));
}

#[tokio::test]
async fn scripts_ask_for_invalid_sessions_reconnects_and_closes() {
    let discord = discord(SLOW).await;
    discord.invalid_session_next(true);
    let mut link = Link::open(&discord, "laptop").await;
    link.say(identify()).await;
    assert_eq!(link.payload().await["d"], true);
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    discord.reconnect_request("laptop");
    while link.payload().await["op"] != 7 {}
    assert!(discord.close_all(4000) >= 1);
    assert_eq!(link.closed().await, Heard::Closed(4000));
}

#[tokio::test]
async fn the_old_socket_of_a_resumed_session_is_kept_or_closed() {
    for rule in [OldSocket::Kept, OldSocket::Closed] {
        let mut config = config(SLOW);
        config.old_socket_on_resume = rule;
        let discord = SmallDiscord::start(config).await.unwrap();
        let (mut old, session) = Link::identified(&discord, "laptop").await;
        old.event("GUILD_CREATE").await;
        let mut new = Link::resuming(&discord, "cloud", &session, 2).await;
        new.event("RESUMED").await;
        let id = discord.interact(status()).id.to_string();
        assert_eq!(new.payload().await["d"]["id"], id);
        match rule {
            OldSocket::Kept => assert_eq!(old.payload().await["d"]["id"], id),
            OldSocket::Closed => assert_eq!(old.heard().await, Heard::Closed(4000)),
        }
    }
}

#[tokio::test]
async fn payloads_are_compressed_for_who_asks() {
    let discord = discord(SLOW).await;
    let mut link = Link::open(&discord, "laptop").await;
    link.say(changed("compress", json!(true))).await;
    let Heard::Binary(bytes) = link.heard().await else { panic!("READY is long enough to be compressed") };
    let mut text = String::new();
    ZlibDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""t":"READY""#));
    let mut stream = Link::raw(&discord, "laptop", "v=10&encoding=json&compress=zlib-stream").await;
    let Heard::Binary(hello) = stream.heard().await else { panic!("a compressed transport has only binary frames") };
    let mut out = Vec::with_capacity(4096);
    Decompress::new(true).decompress_vec(&hello, &mut out, FlushDecompress::Sync).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["op"], 10);
}

#[tokio::test]
async fn session_starts_count_down_and_their_end_voids_the_token() {
    let mut config = config(SLOW);
    config.session_starts = 1;
    config.times.identify_spacing = Duration::ZERO;
    let discord = SmallDiscord::start(config).await.unwrap();
    let (mut first, _) = Link::identified(&discord, "laptop").await;
    let limit = super::link::request(&discord, "laptop", "GET", "/gateway/bot", None).await.body;
    assert_eq!(limit["session_start_limit"]["remaining"], 0);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut second = Link::open(&discord, "cloud").await;
    second.say(identify()).await;
    assert_eq!(second.closed().await, Heard::Closed(4004));
    assert_eq!(first.closed().await, Heard::Closed(4004));
    assert_eq!(super::link::request(&discord, "laptop", "GET", "/users/@me", None).await.status, 401);
}

#[tokio::test]
async fn a_shut_down_discord_leaves_no_port_and_no_socket() {
    let discord = discord(SLOW).await;
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let address = discord.address("laptop").unwrap();
    discord.shutdown().await;
    assert_eq!(link.closed().await, Heard::Lost);
    tokio::net::TcpListener::bind(address).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(SLOW);
    config.listeners = vec![("laptop".to_owned(), taken.local_addr().unwrap())];
    let error = SmallDiscord::start(config).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listen for laptop on {}", taken.local_addr().unwrap()));
}
