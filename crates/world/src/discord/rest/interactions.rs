//! Answers to interactions: the first within three seconds and only once, then edits and follow-ups.

use serde_json::{Value, json};

use super::{
    Call, Operation,
    messages::unknown,
    reply::{Answer, Done, Refusal},
};
use crate::discord::{
    objects,
    state::{Accepted, Interaction, Message, Shared, Stage, State, wall_millis},
};

/// Callback types.
const MESSAGE: u8 = 4;
const THINKING: u8 = 5;
const UPDATE_LATER: u8 = 6;
const UPDATE: u8 = 7;
const CHOICES: u8 = 8;
const MODAL: u8 = 9;
/// Message flags: only its user sees it; the answer is still to come.
const EPHEMERAL: u64 = 1 << 6;
const LOADING: u64 = 1 << 7;

/// The first answer.
pub(super) fn callback(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let id = call.id("interaction_id");
    let now = shared.now();
    let kind = call.body["type"].as_u64().and_then(|kind| u8::try_from(kind).ok()).unwrap_or(0);
    let late = || Refusal::new(404, 10062, "Unknown interaction");
    let interaction = state.interactions.get(&id).ok_or_else(late)?;
    if interaction.token != call.param("interaction_token") {
        return Err(late());
    }
    // The double answer comes first: an answered interaction stays known for as long as its token.
    if !interaction.answers.is_empty() {
        return Err(Refusal::new(400, 40060, "Interaction has already been acknowledged."));
    }
    if now > Shared::after(interaction.created, shared.times.answer_within) {
        return Err(late());
    }
    if let Some(why) = misplaced(interaction.kind, kind) {
        shared.violate(&call.source, call.operation.name(), why.to_owned());
        return Err(Refusal::new(400, 50035, "Invalid Form Body"));
    }
    let data = call.body["data"].clone();
    let shown = match kind {
        MESSAGE => Some(say(shared, state, call, id, &data)),
        THINKING => {
            let flags = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL | LOADING;
            Some(say(shared, state, call, id, &json!({ "flags": flags })))
        }
        UPDATE => on_message(state, id).inspect(|&message| {
            if let Some(message) = state.messages.get_mut(&message) {
                objects::edit(&mut message.object, &data, wall_millis());
            }
        }),
        UPDATE_LATER => on_message(state, id),
        _ => None,
    };
    let Some(interaction) = state.interactions.get_mut(&id) else { return Err(late()) };
    interaction.original = shown;
    let by = call.source.clone();
    interaction.answers.push(Accepted { by, at: now, callback: kind, data });
    let stage = if matches!(kind, THINKING | UPDATE_LATER) { Stage::Thinking } else { Stage::Answered };
    interaction.stage.send_replace(stage);
    if !call.with_response {
        return Ok(Done::empty());
    }
    let message = shown.and_then(|shown| state.messages.get(&shown)).map(|message| message.object.clone());
    Ok(Done::with(200, response(id, interaction, kind, message.as_ref())))
}

/// Why this callback type does not fit this interaction type.
fn misplaced(interaction: u8, callback: u8) -> Option<&'static str> {
    match (interaction, callback) {
        (4, CHOICES) => None,
        (4, _) => Some("an autocomplete is answered by choices only"),
        (_, CHOICES) => Some("choices answer only an autocomplete"),
        (5, MODAL) => Some("a form cannot open a form"),
        (2, UPDATE | UPDATE_LATER) => Some("a command has no message to update"),
        _ => None,
    }
}

fn on_message(state: &State, id: u64) -> Option<u64> {
    state.interactions.get(&id)?.on_message
}

fn response(id: u64, interaction: &Interaction, kind: u8, message: Option<&Value>) -> Value {
    let mut shown = json!({ "id": id.to_string(), "type": interaction.kind });
    let mut resource = json!({ "type": kind });
    if let Some(message) = message {
        let flags = message["flags"].as_u64().unwrap_or(0);
        shown["response_message_id"] = message["id"].clone();
        shown["response_message_loading"] = json!(flags & LOADING != 0);
        shown["response_message_ephemeral"] = json!(flags & EPHEMERAL != 0);
        shown["channel_id"] = json!(interaction.channel.to_string());
        if let Some(guild) = interaction.guild {
            shown["guild_id"] = json!(guild.to_string());
        }
        resource["message"] = message.clone();
    }
    if matches!(kind, MESSAGE | UPDATE) {
        json!({ "interaction": shown, "resource": resource })
    } else {
        json!({ "interaction": shown })
    }
}

/// Makes a message of an interaction.
fn say(shared: &Shared, state: &mut State, call: &Call, interaction: u64, asked: &Value) -> u64 {
    let id = state.snowflake();
    let channel = state.interactions.get(&interaction).map_or(0, |interaction| interaction.channel);
    let mut object = objects::message(&shared.config, id, channel, asked);
    object["application_id"] = json!(shared.config.application_id.to_string());
    object["webhook_id"] = json!(shared.config.application_id.to_string());
    object["type"] = json!(20);
    if let Some(asking) = state.interactions.get(&interaction).filter(|asking| asking.kind == 2) {
        object["interaction_metadata"] = json!({
            "id": interaction.to_string(), "type": 2, "user": asking.user,
            "authorizing_integration_owners": { "0": asking.guild.unwrap_or(0).to_string() },
        });
    }
    let message = Message { channel, by: call.source.clone(), nonce: None, at: shared.now(), object };
    state.messages.insert(id, message);
    id
}

/// The interaction of a webhook token that is still good and answered.
fn of_token(shared: &Shared, state: &State, call: &Call) -> Result<u64, Refusal> {
    let invalid = || Refusal::new(401, 50027, "Invalid Webhook Token");
    if call.id("webhook_id") != shared.config.application_id {
        return Err(Refusal::new(404, 10015, "Unknown Webhook"));
    }
    let id = state.tokens.get(call.param("webhook_token")).copied().ok_or_else(invalid)?;
    let interaction = state.interactions.get(&id).ok_or_else(invalid)?;
    if shared.now() > Shared::after(interaction.created, shared.times.interaction_token_life) {
        return Err(invalid());
    }
    if interaction.answers.is_empty() {
        return Err(Refusal::new(404, 10015, "Unknown Webhook"));
    }
    Ok(id)
}

/// The message meant: the original one, or the one named.
fn meant(state: &State, call: &Call, interaction: u64) -> Result<u64, Refusal> {
    match call.operation {
        Operation::OriginalShow | Operation::OriginalEdit | Operation::OriginalDelete => {
            state.interactions.get(&interaction).and_then(|interaction| interaction.original).ok_or_else(unknown)
        }
        _ => Ok(call.id("message_id")),
    }
}

pub(super) fn show(shared: &Shared, state: &State, call: &Call) -> Answer {
    let id = meant(state, call, of_token(shared, state, call)?)?;
    state.messages.get(&id).map(|message| Done::with(200, message.object.clone())).ok_or_else(unknown)
}

pub(super) fn edit(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let interaction = of_token(shared, state, call)?;
    let id = meant(state, call, interaction)?;
    let message = state.messages.get_mut(&id).ok_or_else(unknown)?;
    objects::edit(&mut message.object, &call.body, wall_millis());
    let loading = message.object["flags"].as_u64().unwrap_or(0);
    message.object["flags"] = json!(loading & !LOADING);
    let object = message.object.clone();
    finish(state, interaction);
    Ok(Done::with(200, object))
}

pub(super) fn delete(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let interaction = of_token(shared, state, call)?;
    let id = meant(state, call, interaction)?;
    state.messages.remove(&id).ok_or_else(unknown)?;
    finish(state, interaction);
    Ok(Done::empty())
}

/// A further message. The first one after "thinking" takes the place of the original.
pub(super) fn follow_up(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let interaction = of_token(shared, state, call)?;
    let known = state.interactions.get(&interaction);
    let thinking = known.is_some_and(|known| *known.stage.borrow() == Stage::Thinking);
    let loading = known.and_then(|known| known.original).filter(|id| {
        thinking && state.messages.get(id).is_some_and(|m| m.object["flags"].as_u64().unwrap_or(0) & LOADING != 0)
    });
    let id = match loading {
        Some(original) => {
            if let Some(message) = state.messages.get_mut(&original) {
                objects::edit(&mut message.object, &call.body, wall_millis());
                let flags = message.object["flags"].as_u64().unwrap_or(0);
                message.object["flags"] = json!(flags & !LOADING);
            }
            original
        }
        None => say(shared, state, call, interaction, &call.body),
    };
    finish(state, interaction);
    state.messages.get(&id).map(|message| Done::with(200, message.object.clone())).ok_or_else(unknown)
}

/// The user sees the answer now.
fn finish(state: &State, interaction: u64) {
    if let Some(interaction) = state.interactions.get(&interaction) {
        interaction.stage.send_if_modified(|stage| {
            let thinking = *stage == Stage::Thinking;
            if thinking {
                *stage = Stage::Answered;
            }
            thinking
        });
    }
}
