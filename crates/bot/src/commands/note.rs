//! `/note set`, `/note get`: one durable write, one consistent read.

use relais_store::{StateKey, Write};
use serde_json::json;
use serenity::{
    builder::{CreateCommand, CreateCommandOption},
    model::application::CommandOptionType,
};

use super::{Reply, Request, State};

/// The command's name.
pub const NAME: &str = "note";

/// Longest name, in characters.
pub const NAME_MAX: usize = 32;

/// Longest text, in characters: it must fit into one message (2,000) with room to spare.
pub const TEXT_MAX: usize = 1900;

/// What Discord is told.
pub fn register() -> CreateCommand {
    let name = || {
        CreateCommandOption::new(CommandOptionType::String, "name", "The note's name: a-z, 0-9, - and _")
            .min_length(1)
            .max_length(NAME_MAX as u16)
            .required(true)
    };
    let text = CreateCommandOption::new(CommandOptionType::String, "text", "What to keep")
        .min_length(1)
        .max_length(TEXT_MAX as u16)
        .required(true);
    CreateCommand::new(NAME)
        .description("Keep a note, or read one")
        .add_option(
            CreateCommandOption::new(CommandOptionType::SubCommand, "set", "Keep a note under a name")
                .add_sub_option(name())
                .add_sub_option(text),
        )
        .add_option(
            CreateCommandOption::new(CommandOptionType::SubCommand, "get", "Read the note of a name")
                .add_sub_option(name()),
        )
}

/// Where the note of that name is kept.
#[must_use]
pub fn key(place: &str, name: &str) -> StateKey {
    StateKey::state(format!("NOTE#{place}#{name}"))
}

/// What to read first: the note, for `get`.
#[must_use]
pub fn keys(request: &Request) -> Vec<StateKey> {
    match (request.subcommand.as_deref(), name(request)) {
        (Some("get"), Some(name)) => vec![key(&request.place(), &name)],
        _ => Vec::new(),
    }
}

/// `set` writes the note and says so to the asker; `get` shows it to everybody.
#[must_use]
pub fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let Some(name) = name(request) else {
        return (Reply::private(format!("A note's name is 1 to {NAME_MAX} of a-z, 0-9, - and _.")), Vec::new());
    };
    let key = key(&request.place(), &name);
    match request.subcommand.as_deref() {
        Some("set") => match text(request) {
            Some(text) => {
                let value = json!({ "text": text, "by": request.user.to_string() });
                (Reply::private(format!("Noted: {name}.")), vec![Write::Put { key, value }])
            }
            None => (Reply::private(format!("A note has 1 to {TEXT_MAX} characters.")), Vec::new()),
        },
        Some("get") => {
            let kept = state.items.get(&key).and_then(|item| item.value.get("text")).and_then(|text| text.as_str());
            let reply = kept.map_or_else(|| Reply::private(format!("No note named {name}.")), Reply::public);
            (reply, Vec::new())
        }
        _ => (Reply::private("Use /note set or /note get."), Vec::new()),
    }
}

fn name(request: &Request) -> Option<String> {
    let name = request.options.get("name")?.trim().to_lowercase();
    let fits = (1..=NAME_MAX).contains(&name.len());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (fits && name.bytes().all(plain)).then_some(name)
}

fn text(request: &Request) -> Option<&str> {
    let text = request.options.get("text")?;
    (!text.trim().is_empty() && text.chars().count() <= TEXT_MAX).then_some(text)
}
