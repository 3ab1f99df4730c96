//! Messages in channels, with the nonce that makes a second sending harmless.

use serde_json::Value;

use super::{
    Call,
    reply::{Answer, Done, Refusal},
};
use crate::discord::{
    objects,
    state::{Message, Shared, State, wall_millis},
};

pub(super) fn create(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let channel = call.id("channel_id");
    if !shared.config.channels.contains(&channel) && !state.private.values().any(|&private| private == channel) {
        return Err(Refusal::new(404, 10003, "Unknown Channel"));
    }
    let now = shared.now();
    let nonce = match &call.body["nonce"] {
        Value::String(nonce) if !nonce.is_empty() => Some(nonce.clone()),
        Value::Number(nonce) => Some(nonce.to_string()),
        _ => None,
    };
    let enforced = nonce.clone().filter(|_| call.body["enforce_nonce"].as_bool() == Some(true));
    if let Some(nonce) = &enforced
        && let Some(&(first, at)) = state.nonces.get(&(channel, nonce.clone()))
        && now <= Shared::after(at, shared.times.nonce_window)
        && let Some(message) = state.messages.get(&first)
    {
        let object = message.object.clone();
        return Ok(Done { subject: first, deduplicated: true, ..Done::with(200, object) });
    }
    let id = state.snowflake();
    let object = objects::message(&shared.config, id, channel, &call.body);
    if let Some(nonce) = &nonce {
        *state.sent.entry((channel, nonce.clone())).or_default() += 1;
    }
    if let Some(nonce) = enforced {
        state.nonces.insert((channel, nonce), (id, now));
    }
    let message = Message { channel, by: call.source.clone(), nonce, at: now, object: object.clone() };
    state.messages.insert(id, message);
    Ok(Done { subject: id, ..Done::with(200, object) })
}

pub(super) fn show(state: &State, call: &Call) -> Answer {
    let message = state.messages.get(&call.id("message_id")).filter(|found| found.channel == call.id("channel_id"));
    message.map(|message| Done::with(200, message.object.clone())).ok_or_else(unknown)
}

pub(super) fn edit(state: &mut State, call: &Call) -> Answer {
    let channel = call.id("channel_id");
    let message = state.messages.get_mut(&call.id("message_id")).filter(|found| found.channel == channel);
    let message = message.ok_or_else(unknown)?;
    objects::edit(&mut message.object, &call.body, wall_millis());
    Ok(Done::with(200, message.object.clone()))
}

pub(super) fn delete(state: &mut State, call: &Call) -> Answer {
    let id = call.id("message_id");
    if state.messages.get(&id).is_none_or(|found| found.channel != call.id("channel_id")) {
        return Err(unknown());
    }
    state.messages.remove(&id);
    Ok(Done::empty())
}

pub(super) fn unknown() -> Refusal {
    Refusal::new(404, 10008, "Unknown Message")
}
