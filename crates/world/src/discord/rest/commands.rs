//! Application commands: global and of the guild.

use serde_json::Value;

use super::{
    Call, Operation,
    reply::{Answer, Done, Refusal},
};
use crate::discord::{
    config::millis,
    objects,
    state::{Shared, State},
};

/// Commands created a day.
const CREATES: usize = 200;
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// Commands at one scope.
const COMMANDS: usize = 100;

/// The scope asked for: global (`None`) or the guild.
fn scope(shared: &Shared, call: &Call) -> Result<Option<u64>, Refusal> {
    if call.id("application_id") != shared.config.application_id {
        return Err(Refusal::new(403, 20012, "You are not authorized to perform this action on this application"));
    }
    match call.operation {
        Operation::GuildCommandsList
        | Operation::GuildCommandsPut
        | Operation::GuildCommandCreate
        | Operation::GuildCommandShow
        | Operation::GuildCommandEdit
        | Operation::GuildCommandDelete => {
            let guild = call.id("guild_id");
            if guild == shared.config.guild { Ok(Some(guild)) } else { Err(Refusal::new(403, 50001, "Missing Access")) }
        }
        _ => Ok(None),
    }
}

pub(super) fn list(shared: &Shared, state: &State, call: &Call) -> Answer {
    Ok(Done::with(200, all(state, scope(shared, call)?)))
}

fn all(state: &State, scope: Option<u64>) -> Value {
    state.commands.iter().filter(|((guild, _), _)| *guild == scope).map(|(_, command)| command.clone()).collect()
}

/// Replaces everything at a scope; commands of the same name keep their id.
pub(super) fn put(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let scope = scope(shared, call)?;
    let asked = call.body.as_array().cloned().unwrap_or_default();
    let mut kept = Vec::with_capacity(asked.len());
    for command in &asked {
        let id = match same(state, scope, command) {
            Some(id) => id,
            None => created(shared, state)?,
        };
        let version = state.snowflake();
        kept.push((id, objects::command(&shared.config, id, version, scope, command)));
    }
    state.commands.retain(|(guild, _), _| *guild != scope);
    state.commands.extend(kept.into_iter().map(|(id, command)| ((scope, id), command)));
    Ok(Done::with(200, all(state, scope)))
}

pub(super) fn create(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let scope = scope(shared, call)?;
    let known = same(state, scope, &call.body);
    if known.is_none() && state.commands.keys().filter(|(guild, _)| *guild == scope).count() >= COMMANDS {
        return Err(Refusal::new(400, 30032, "Maximum number of application commands reached (100)"));
    }
    let (id, status) = match known {
        Some(id) => (id, 200),
        None => (created(shared, state)?, 201),
    };
    let version = state.snowflake();
    let command = objects::command(&shared.config, id, version, scope, &call.body);
    state.commands.insert((scope, id), command.clone());
    Ok(Done::with(status, command))
}

pub(super) fn show(shared: &Shared, state: &State, call: &Call) -> Answer {
    let key = (scope(shared, call)?, call.id("command_id"));
    state.commands.get(&key).map(|command| Done::with(200, command.clone())).ok_or_else(unknown)
}

pub(super) fn edit(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let key = (scope(shared, call)?, call.id("command_id"));
    let version = state.snowflake();
    let command = state.commands.get_mut(&key).ok_or_else(unknown)?;
    for (field, value) in call.body.as_object().into_iter().flatten() {
        command[field] = value.clone();
    }
    *command = objects::command(&shared.config, key.1, version, key.0, command);
    Ok(Done::with(200, command.clone()))
}

pub(super) fn delete(shared: &Shared, state: &mut State, call: &Call) -> Answer {
    let key = (scope(shared, call)?, call.id("command_id"));
    state.commands.remove(&key).map(|_| Done::empty()).ok_or_else(unknown)
}

fn unknown() -> Refusal {
    Refusal::new(404, 10063, "Unknown application command")
}

/// The command of this name and type that is already there.
fn same(state: &State, scope: Option<u64>, asked: &Value) -> Option<u64> {
    let kind = |command: &Value| command["type"].as_u64().unwrap_or(1);
    state
        .commands
        .iter()
        .find(|((guild, _), known)| *guild == scope && known["name"] == asked["name"] && kind(known) == kind(asked))
        .map(|((_, id), _)| *id)
}

/// The id of a new command, if today's creates allow one.
fn created(shared: &Shared, state: &mut State) -> Result<u64, Refusal> {
    let now = shared.now();
    state.commands_created.retain(|&at| now < at.saturating_add(millis(DAY)));
    if state.commands_created.len() >= CREATES {
        return Err(Refusal::new(400, 30034, "Max number of daily application command creates has been reached (200)"));
    }
    state.commands_created.push_back(now);
    Ok(state.snowflake())
}
