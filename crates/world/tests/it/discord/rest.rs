//! Answers, messages, commands: what is accepted, what is refused, and what is remembered of both.

use std::time::Duration;

use relais_world::discord::{
    Autocomplete, ButtonPress, CommandOption, Effect, EffectKind, EffectOutcome, FormSubmit, InteractionUser, Kind,
    Outcome, SmallDiscord,
};
use serde_json::{Value, json};

use super::{
    APPLICATION, config, discord,
    link::{Link, answer, callback, request, request_as, webhook},
    openapi, status,
};

/// Pace at which every time of Discord is long past the test.
const SLOW: f64 = 0.1;
/// The operation that sends a message.
const SEND: &str = "post /channels/{channel_id}/messages";

fn effects(discord: &SmallDiscord, kind: EffectKind) -> Vec<(String, Effect)> {
    let of_kind = |entry: relais_world::discord::Entry| match entry.kind {
        Kind::Effect(effect) if effect.kind == kind => Some((entry.source.to_string(), effect)),
        _ => None,
    };
    discord.log().into_iter().filter_map(of_kind).collect()
}

/// Nothing broke a rule, and the small Discord itself spoke as Discord's document says.
fn clean(discord: &SmallDiscord) {
    assert_eq!(discord.violations(), []);
    assert_eq!(discord.own_faults(), Vec::<String>::new());
}

#[tokio::test]
async fn the_first_answer_counts_and_the_second_is_refused() {
    let discord = discord(SLOW).await;
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let handle = discord.interact(status());
    let event = link.event("INTERACTION_CREATE").await;
    assert_eq!(answer(&discord, "cloud", &event, "here").await.status, 204);
    let second = answer(&discord, "laptop", &event, "no, here").await;
    assert_eq!((second.status, second.body["code"].as_u64()), (400, Some(40060)));
    let Outcome::Answered(seen) = discord.outcome(handle.id).await else { panic!("not answered") };
    assert_eq!((&*seen.by, &*seen.content), ("cloud", "here"));
    let log = effects(&discord, EffectKind::Answer);
    assert_eq!((log[0].0.as_str(), log[0].1.accepted(), log[0].1.subject), ("cloud", true, handle.id));
    assert_eq!((log[1].0.as_str(), log[1].1.refused_code()), ("laptop", Some(40060)));
    let tally = discord.tally();
    assert_eq!((tally.answered, tally.duplicates, tally.refused_double, tally.expired), (1, 0, 1, 0));
    clean(&discord);
}

#[tokio::test]
async fn an_answer_after_three_paced_seconds_is_too_late() {
    let mut fast = config(100.0);
    fast.times.heartbeat_patience = Duration::from_secs(6000);
    let discord = SmallDiscord::start(fast).await.unwrap();
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let handle = discord.interact(status());
    let event = link.event("INTERACTION_CREATE").await;
    assert_eq!(discord.outcome(handle.id).await, Outcome::Expired);
    let late = answer(&discord, "laptop", &event, "sorry").await;
    assert_eq!((late.status, late.body["code"].as_u64()), (404, Some(10062)));
    assert_eq!((discord.tally().expired, discord.tally().refused_late), (1, 1));
}

#[tokio::test]
async fn thinking_is_an_answer_once_it_is_edited() {
    let discord = discord(SLOW).await;
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let handle = discord.interact(status());
    let event = link.event("INTERACTION_CREATE").await;
    let original = format!("{}/messages/@original", webhook(&event));
    assert_eq!(request(&discord, "laptop", "GET", &original, None).await.body["code"], 10015);
    assert_eq!(callback(&discord, "laptop", &event, json!({"type": 5, "data": {"flags": 64}})).await.status, 204);
    let shown = request(&discord, "laptop", "GET", &original, None).await;
    assert_eq!(shown.body["flags"], 64 | 128);
    let edited = request(&discord, "laptop", "PATCH", &original, Some(json!({"content": "done"}))).await;
    assert_eq!((edited.status, edited.body["flags"].as_u64()), (200, Some(64)));
    let Outcome::Answered(seen) = discord.outcome(handle.id).await else { panic!("not answered") };
    assert_eq!((&*seen.content, seen.callback), ("done", 5));
    let more = request(&discord, "cloud", "POST", &webhook(&event), Some(json!({"content": "more"}))).await;
    assert_eq!(more.status, 200);
    assert_eq!(request(&discord, "laptop", "DELETE", &original, None).await.status, 204);
    assert_eq!(effects(&discord, EffectKind::Edit).len(), 2);
    assert_eq!(effects(&discord, EffectKind::Followup)[0].1.subject, handle.id);
    clean(&discord);
}

#[tokio::test]
async fn a_callback_can_ask_for_its_response() {
    let discord = discord(SLOW).await;
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let handle = discord.interact(status());
    let event = link.event("INTERACTION_CREATE").await;
    let path =
        format!("/interactions/{}/{}/callback?with_response=true", handle.id, event["d"]["token"].as_str().unwrap());
    let reply = request(&discord, "laptop", "POST", &path, Some(json!({"type": 4, "data": {"content": "x"}}))).await;
    assert_eq!(reply.body["resource"]["message"]["content"], "x");
    clean(&discord);
}

#[tokio::test]
async fn buttons_forms_and_autocompletes_are_answered_in_their_own_way() {
    let discord = discord(SLOW).await;
    let (mut link, _) = Link::identified(&discord, "laptop").await;
    let user = InteractionUser::new(7, "ada");
    let button = json!({"type": 2, "style": 4, "label": "Cancel", "custom_id": "cancel"});
    let rows = json!([{"type": 1, "components": [button]}]);
    let body = Some(json!({"content": "x", "components": rows}));
    let posted = request(&discord, "laptop", "POST", "/channels/201/messages", body).await;
    let message = posted.body["id"].as_str().unwrap().parse().unwrap();
    let press = discord.interact(ButtonPress {
        message,
        custom_id: "cancel".to_owned(),
        values: None,
        user: user.clone(),
        guild: Some(100),
        locale: "en-US".to_owned(),
    });
    let event = link.event("INTERACTION_CREATE").await;
    assert_eq!(event["d"]["message"]["id"], message.to_string());
    callback(&discord, "laptop", &event, json!({"type": 7, "data": {"content": "cancelled", "components": []}})).await;
    assert!(matches!(discord.outcome(press.id).await, Outcome::Answered(seen) if seen.content == "cancelled"));
    assert_eq!(discord.messages(201)[0].object["content"], "cancelled");

    let form = FormSubmit {
        custom_id: "note".to_owned(),
        fields: vec![("text".to_owned(), "milk".to_owned())],
        user,
        guild: None,
        channel: 201,
        locale: "fr".to_owned(),
    };
    discord.interact(form);
    let event = link.event("INTERACTION_CREATE").await;
    assert_eq!(event["d"]["data"]["components"][0]["components"][0]["value"], "milk");

    let mut typing = status();
    typing.options = vec![CommandOption { focused: true, ..CommandOption::text("name", "mi") }];
    let typing = discord.interact(Autocomplete(typing));
    let event = link.event("INTERACTION_CREATE").await;
    assert_eq!(event["d"]["data"]["options"][0]["focused"], true);
    clean(&discord);
    let wrong = answer(&discord, "laptop", &event, "a message").await;
    assert_eq!((wrong.status, discord.violations().len()), (400, 1));
    callback(&discord, "laptop", &event, json!({"type": 8, "data": {"choices": [{"name": "milk", "value": "milk"}]}}))
        .await;
    assert!(matches!(discord.outcome(typing.id).await, Outcome::Answered(seen) if seen.callback == 8));
}

#[tokio::test]
async fn an_enforced_nonce_makes_a_second_message_the_first() {
    let discord = discord(SLOW).await;
    let body = json!({"content": "due", "nonce": "r-1", "enforce_nonce": true});
    let send = |tag: &'static str, body: Value| request(&discord, tag, "POST", "/channels/201/messages", Some(body));
    let first = send("laptop", body.clone()).await;
    let second = send("cloud", body).await;
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!((discord.messages(201).len(), discord.tally().duplicates), (1, 0));
    let log = effects(&discord, EffectKind::Message);
    assert_eq!(log[1].1.outcome, EffectOutcome::Deduplicated);
    assert!(!log[1].1.accepted());
    send("cloud", json!({"content": "due", "nonce": "r-1"})).await;
    assert_eq!(discord.tally().duplicates, 1);
    clean(&discord);
}

#[tokio::test]
async fn a_private_channel_takes_messages_and_an_unknown_one_does_not() {
    let discord = discord(SLOW).await;
    let opened = request(&discord, "laptop", "POST", "/users/@me/channels", Some(json!({"recipient_id": "7"}))).await;
    assert_eq!(discord.private_channel(7).unwrap().to_string(), opened.body["id"].as_str().unwrap());
    let path = format!("/channels/{}/messages", opened.body["id"].as_str().unwrap());
    assert_eq!(request(&discord, "laptop", "POST", &path, Some(json!({"content": "psst"}))).await.status, 200);
    let unknown = request(&discord, "laptop", "POST", "/channels/9/messages", Some(json!({"content": "x"}))).await;
    assert_eq!(unknown.body["code"], 10003);
    clean(&discord);
}

#[tokio::test]
async fn commands_are_registered_replaced_and_judged() {
    let discord = discord(SLOW).await;
    let path = format!("/applications/{APPLICATION}/commands");
    let good = json!([{"name": "status", "description": "Who speaks", "default_member_permissions": "8192"}]);
    let put = request(&discord, "laptop", "PUT", &path, Some(good.clone())).await;
    assert_eq!(put.status, 200);
    let again = request(&discord, "cloud", "PUT", &path, Some(good)).await;
    assert_eq!(put.body[0]["id"], again.body[0]["id"]);
    assert!(discord.is_registered("status"));
    assert_eq!(request(&discord, "laptop", "GET", &path, None).await.body[0]["name"], "status");
    let guild = format!("/applications/{APPLICATION}/guilds/100/commands");
    let note = Some(json!({"name": "note", "name_localizations": {"fr": "mémo"}, "description": "Notes"}));
    assert_eq!(request(&discord, "laptop", "POST", &guild, note).await.status, 201);
    clean(&discord);
    let bad = Some(json!([{"name": "Status", "description": ""}]));
    let refused = request(&discord, "laptop", "PUT", &path, bad).await;
    assert_eq!((refused.status, refused.body["code"].as_u64()), (400, Some(50035)));
    assert_eq!(discord.violations().len(), 2);
    assert!(discord.is_registered("status"));
    let log = effects(&discord, EffectKind::Registration);
    assert_eq!(log.iter().filter(|(_, effect)| effect.accepted()).count(), 3);
}

#[tokio::test]
async fn the_wrong_token_and_the_unknown_route_are_refused() {
    let discord = discord(SLOW).await;
    let address = discord.address("laptop").unwrap();
    assert_eq!(request_as(address, "Bot wrong", "GET", "/users/@me", None).await.status, 401);
    assert_eq!(discord.violations(), []);
    assert_eq!(request(&discord, "cloud", "GET", "/guilds/100", None).await.status, 404);
    assert_eq!(discord.violations()[0].to_string(), "cloud: GET /api/v10/guilds/100: unknown route");
}

#[tokio::test]
async fn scripted_refusals_hit_the_next_requests_of_their_route() {
    let discord = discord(SLOW).await;
    discord.next_429(SEND, 1, Duration::from_millis(1500));
    discord.next_error(SEND, 1, 403, 50013, "Missing Permissions");
    assert_eq!(request(&discord, "laptop", "GET", "/users/@me", None).await.status, 200);
    let send = || request(&discord, "laptop", "POST", "/channels/201/messages", Some(json!({"content": "x"})));
    let limited = send().await;
    assert_eq!((limited.status, limited.body["retry_after"].as_f64()), (429, Some(1.5)));
    assert!(limited.head.contains("retry-after: 1.5") && limited.head.contains("x-ratelimit-scope: user"));
    assert_eq!(send().await.body["code"], 50013);
    assert_eq!(send().await.status, 200);
    assert!(discord.log().iter().any(|entry| matches!(entry.kind, Kind::RateLimited { .. })));
}

#[tokio::test]
async fn every_source_gets_its_own_gateway_url() {
    let discord = discord(SLOW).await;
    discord.set_gateway_url("cloud", "ws://127.9.9.9:1");
    assert_eq!(request(&discord, "cloud", "GET", "/gateway", None).await.body["url"], "ws://127.9.9.9:1");
    let bot = request(&discord, "laptop", "GET", "/gateway/bot", None).await.body;
    assert_eq!(bot["url"].as_str(), discord.gateway_url_for("laptop").as_deref());
    assert_eq!(bot["session_start_limit"]["remaining"], 1000);
    assert_eq!(request(&discord, "cloud", "GET", "/applications/@me", None).await.status, 200);
    assert_eq!(request(&discord, "cloud", "GET", "/users/@me", None).await.status, 200);
    clean(&discord);
}

#[tokio::test]
async fn the_document_judges_where_it_is_there() {
    let discord = discord(SLOW).await;
    assert_eq!(discord.openapi_judged(), openapi().is_some());
    let wrong = Some(json!({"content": "x", "embeds": [{"fields": [{"name": 7, "value": "x"}]}]}));
    let reply = request(&discord, "laptop", "POST", "/channels/201/messages", wrong).await;
    // The hand-written rules know nothing of embeds' insides: this is the document's to find.
    let (status, judged) = if openapi().is_some() { (400, 1) } else { (200, 0) };
    assert_eq!((reply.status, discord.operations_judged(), discord.violations().len()), (status, judged, judged));
}
