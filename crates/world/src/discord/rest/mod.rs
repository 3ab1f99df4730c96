//! REST: find the operation, let scripts refuse, check the credential, judge the body, act, log the effect.

mod account;
mod commands;
mod interactions;
mod messages;
mod multipart;
mod reply;
mod route;

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, header},
};
use serde_json::Value;

pub(super) use self::route::Operation;
use self::{
    reply::{Answer, Done, Refusal},
    route::Params,
};
use super::{
    log::{Effect, EffectOutcome, Kind},
    scripts::Scripted,
    state::{Shared, State},
};

/// The longest body taken: Discord's limit for attachments of a bot.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// One request that found its operation.
struct Call {
    source: Arc<str>,
    operation: Operation,
    params: Params,
    /// `with_response=true` was asked for.
    with_response: bool,
    body: Value,
}

impl Call {
    /// A captured id.
    fn id(&self, name: &str) -> u64 {
        self.params.get(name).and_then(|id| id.parse().ok()).unwrap_or(0)
    }

    fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }
}

/// Answers one request.
pub(super) async fn serve(shared: Arc<Shared>, source: Arc<str>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let found = head.uri.path().strip_prefix("/api/v10").and_then(|path| route::find(&method, path));
    let Some((operation, params)) = found else {
        shared.violate(&source, &format!("{method} {}", head.uri.path()), "unknown route".to_owned());
        return reply::refused(&Refusal::new(404, 0, "404: Not Found"));
    };
    let Ok(bytes) = to_bytes(body, BODY_LIMIT).await else {
        return reply::refused(&Refusal::new(413, 40005, "Request entity too large"));
    };
    let query = head.uri.query().unwrap_or_default();
    let mut call = Call {
        source,
        operation,
        params,
        with_response: query.split('&').any(|pair| pair == "with_response=true"),
        body: Value::Null,
    };
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = match read(header(header::CONTENT_TYPE), &bytes) {
        Ok(body) => {
            call.body = body.unwrap_or_default();
            handle(&shared, &call, header(header::AUTHORIZATION), !bytes.is_empty())
        }
        Err(refusal) => {
            shared.violate(&call.source, operation.name(), "the body is not JSON".to_owned());
            Err(refusal)
        }
    };
    match answer {
        Ok(done) => {
            if let Some(body) = &done.body {
                shared.judge.response(operation, done.status, body);
            }
            reply::done(done)
        }
        Err(refusal) => {
            if refusal.retry_after.is_some() {
                shared.note(&call.source, Kind::RateLimited { operation: operation.to_string() });
            }
            reply::refused(&refusal)
        }
    }
}

/// The JSON body, or that part of a form with files.
fn read(content_type: &str, bytes: &[u8]) -> Result<Option<Value>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let json = match multipart::boundary(content_type) {
        Some(boundary) => multipart::payload_json(bytes, boundary),
        None => Some(bytes),
    };
    json.and_then(|json| serde_json::from_slice(json).ok())
        .map(Some)
        .ok_or_else(|| Refusal::new(400, 50109, "The request body contains invalid JSON."))
}

fn handle(shared: &Shared, call: &Call, credential: &str, has_body: bool) -> Answer {
    let mut state = shared.state();
    let answer = decide(shared, &mut state, call, credential, has_body);
    // Still under the lock, so that the log's order is the order of acceptance.
    note_effect(shared, &state, call, &answer);
    answer
}

fn decide(shared: &Shared, state: &mut State, call: &Call, credential: &str, has_body: bool) -> Answer {
    if let Some(scripted) = state.scripts.take_refusal(call.operation.name()) {
        return Err(match scripted {
            Scripted::RateLimit { retry_after } => Refusal::rate_limited(retry_after),
            Scripted::Error { status, code, message } => Refusal::new(status, code, &message),
        });
    }
    let right = credential.strip_prefix("Bot ").is_some_and(|token| token == shared.config.token);
    if !call.operation.open() && (!right || state.token_void) {
        return Err(Refusal::new(401, 0, "401: Unauthorized"));
    }
    let faults = shared.judge.request(call.operation, has_body.then_some(&call.body));
    let broken = faults.iter().any(|fault| fault.refused);
    for fault in faults {
        shared.violate(&call.source, call.operation.name(), fault.text);
    }
    if broken {
        return Err(Refusal::new(400, 50035, "Invalid Form Body"));
    }
    act(shared, state, call)
}

fn act(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    match call.operation {
        Operation::Gateway => Ok(account::gateway(state, call)),
        Operation::GatewayBot => Ok(account::gateway_bot(shared, state, call)),
        Operation::Me => Ok(account::me(shared)),
        Operation::Application | Operation::Oauth2Application => Ok(account::application(shared)),
        Operation::PrivateChannel => account::private_channel(state, call),
        Operation::CommandsList | Operation::GuildCommandsList => commands::list(shared, state, call),
        Operation::CommandsPut | Operation::GuildCommandsPut => commands::put(shared, state, call),
        Operation::CommandCreate | Operation::GuildCommandCreate => commands::create(shared, state, call),
        Operation::CommandShow | Operation::GuildCommandShow => commands::show(shared, state, call),
        Operation::CommandEdit | Operation::GuildCommandEdit => commands::edit(shared, state, call),
        Operation::CommandDelete | Operation::GuildCommandDelete => commands::delete(shared, state, call),
        Operation::Callback => interactions::callback(shared, state, call),
        Operation::OriginalShow | Operation::FollowupShow => interactions::show(shared, state, call),
        Operation::OriginalEdit | Operation::FollowupEdit => interactions::edit(shared, state, call),
        Operation::OriginalDelete | Operation::FollowupDelete => interactions::delete(shared, state, call),
        Operation::FollowupCreate => interactions::follow_up(shared, state, call),
        Operation::MessageCreate => messages::create(shared, state, call),
        Operation::MessageShow => messages::show(state, call),
        Operation::MessageEdit => messages::edit(state, call),
        Operation::MessageDelete => messages::delete(state, call),
    }
}

/// Writes down what users now see, or were kept from seeing.
fn note_effect(shared: &Shared, state: &State, call: &Call, answer: &Answer) {
    let Some(kind) = call.operation.effect() else { return };
    let by_token = || state.tokens.get(call.param("webhook_token")).copied();
    let asked = match call.operation {
        Operation::Callback => call.id("interaction_id"),
        Operation::MessageEdit | Operation::MessageDelete => call.id("message_id"),
        _ => by_token().unwrap_or(0),
    };
    let (subject, outcome) = match answer {
        Ok(Done { deduplicated: true, subject, .. }) => (*subject, EffectOutcome::Deduplicated),
        Ok(done) => (done.subject.max(asked), EffectOutcome::Accepted),
        Err(refusal) => (asked, EffectOutcome::Refused { status: refusal.status, code: refusal.code }),
    };
    let text = call.body.get("data").unwrap_or(&call.body)["content"].as_str();
    let effect = Effect { kind, subject, operation: call.operation.name(), outcome, content: text.map(str::to_owned) };
    shared.note(&call.source, Kind::Effect(effect));
}
