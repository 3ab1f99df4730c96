//! `/tag`: short texts of a server, public to read, its author's and the moderators' to change.

use relais_store::{StateItem, Write};
use serde_json::json;
use serenity::{
    builder::{CreateCommand, CreateCommandOption},
    model::{Permissions, application::CommandOptionType},
};

use super::{Ask, Changes, Command, Form, Read, Reply, Request, State, keys, names, reply::shortened};
use crate::language::{Said, say};

/// The row of the table.
pub const COMMAND: Command =
    Command { name: "tag", register, reads, reply, changes: Changes::Server, operators: false };

/// Longest name, characters.
pub const NAME_MAX: usize = 32;
/// Longest text, characters: it must fit into one message (2,000) with room to spare.
pub const TEXT_MAX: u16 = 1900;
/// Most tags of one place.
pub const TAGS_MAX: usize = 200;

fn register() -> CreateCommand {
    let name = |suggested: bool| {
        let name = names::option(CommandOptionType::String, "tag-name").min_length(1).max_length(32);
        name.required(true).set_autocomplete(suggested)
    };
    let sub = |id: &str| -> CreateCommandOption { names::option(CommandOptionType::SubCommand, id) };
    names::command("tag")
        .add_option(sub("tag-get").add_sub_option(name(true)))
        .add_option(sub("tag-set").add_sub_option(name(true)))
        .add_option(sub("tag-delete").add_sub_option(name(true)))
        .add_option(sub("tag-list"))
}

/// What a request is about.
enum Wish<'a> {
    Get(&'a str),
    Write(&'a str),
    Keep(&'a str, &'a str),
    Delete(&'a str),
    List,
    Suggest(&'a str),
    Nonsense,
}

fn wish(request: &Request) -> Wish<'_> {
    match &request.ask {
        Ask::Typing { .. } => Wish::Suggest(request.option("name").unwrap_or_default()),
        Ask::Form { fields, .. } => {
            let text = fields.get("text").map(String::as_str).unwrap_or_default();
            Wish::Keep(request.parts().1, text)
        }
        Ask::Press { .. } => Wish::Nonsense,
        Ask::Command(_) => {
            let name = request.option("name").unwrap_or_default();
            match request.subcommand() {
                "get" => Wish::Get(name),
                "set" => Wish::Write(name),
                "delete" => Wish::Delete(name),
                "list" => Wish::List,
                _ => Wish::Nonsense,
            }
        }
    }
}

fn reads(request: &Request, _: &State) -> Vec<Read> {
    let place = request.place();
    let all = || Read::Under(keys::tags(&place), TAGS_MAX + 1);
    let one = |name: &str| good(name).map(|name| Read::Item(keys::tag(&place, &name)));
    match wish(request) {
        Wish::Get(name) | Wish::Delete(name) => one(name).into_iter().collect(),
        Wish::Write(_) | Wish::Keep(..) | Wish::List | Wish::Suggest(_) => vec![all()],
        Wish::Nonsense => Vec::new(),
    }
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let name = match wish(request) {
        Wish::List => return (listed(request, state), Vec::new()),
        Wish::Suggest(typed) => return (suggested(request, state, typed), Vec::new()),
        Wish::Nonsense => return (told(request, "unknown-command", ""), Vec::new()),
        Wish::Get(name) | Wish::Write(name) | Wish::Keep(name, _) | Wish::Delete(name) => name,
    };
    let Some(name) = good(name) else { return (too_many(request, "tag-name-bad", NAME_MAX), Vec::new()) };
    let key = keys::tag(&request.place(), &name);
    let kept = state.item(&key);
    match wish(request) {
        Wish::Get(_) => (text_of(kept).map_or_else(|| told(request, "tag-unknown", &name), Reply::public), Vec::new()),
        Wish::Write(_) => (written(request, state, kept, &name), Vec::new()),
        Wish::Keep(_, text) => keep(request, state, kept, &name, text),
        Wish::Delete(_) => delete(request, kept, &name),
        Wish::List | Wish::Suggest(_) | Wish::Nonsense => (told(request, "unknown-command", ""), Vec::new()),
    }
}

/// Opens the form, with the present text in it.
fn written(request: &Request, state: &State, kept: Option<&StateItem>, name: &str) -> Reply {
    if let Some(refusal) = refusal(request, state, kept) {
        return refusal;
    }
    Reply::Ask(Form {
        id: format!("tag:keep:{name}"),
        title: shortened(&say(request.language, "tag-form", &[("name", Said::Text(name))]), 45),
        label: say(request.language, "tag-form-text", &[]),
        text: text_of(kept).unwrap_or_default().to_owned(),
        most: TEXT_MAX,
    })
}

fn keep(request: &Request, state: &State, kept: Option<&StateItem>, name: &str, text: &str) -> (Reply, Vec<Write>) {
    if let Some(refusal) = refusal(request, state, kept) {
        return (refusal, Vec::new());
    }
    let text = text.trim();
    if text.is_empty() || text.chars().count() > usize::from(TEXT_MAX) {
        return (too_many(request, "tag-text-bad", usize::from(TEXT_MAX)), Vec::new());
    }
    // A moderator who corrects a tag does not become its author.
    let author = author_of(kept).unwrap_or(request.user);
    let place = request.place();
    let mut writes =
        vec![Write::Put { key: keys::tag(&place, name), value: json!({ "text": text, "by": author.to_string() }) }];
    if kept.is_none() {
        writes.push(Write::Put { key: keys::authored(author, &place, name), value: json!({}) });
    }
    (told(request, "tag-kept", name), writes)
}

fn delete(request: &Request, kept: Option<&StateItem>, name: &str) -> (Reply, Vec<Write>) {
    let Some(item) = kept else { return (told(request, "tag-unknown", name), Vec::new()) };
    if !owns(request, item) {
        return (told(request, "tag-forbidden", name), Vec::new());
    }
    let place = request.place();
    let own = author_of(kept).map(|author| Write::Delete { key: keys::authored(author, &place, name) });
    let writes = [Write::Delete { key: item.key.clone() }].into_iter().chain(own);
    (told(request, "tag-deleted", name), writes.collect())
}

/// Why the user may not write this tag, if so.
fn refusal(request: &Request, state: &State, kept: Option<&StateItem>) -> Option<Reply> {
    match kept {
        Some(item) if owns(request, item) => None,
        Some(_) => Some(told(request, "tag-forbidden", "")),
        None if state.under(&keys::tags(&request.place())).count() >= TAGS_MAX => {
            Some(too_many(request, "tag-full", TAGS_MAX))
        }
        None => None,
    }
}

fn owns(request: &Request, item: &StateItem) -> bool {
    author_of(Some(item)) == Some(request.user) || request.may(Permissions::MANAGE_MESSAGES)
}

/// Whose a tag is; none if it does not say.
pub(crate) fn author_of(kept: Option<&StateItem>) -> Option<u64> {
    kept?.value.get("by")?.as_str()?.parse().ok()
}

fn text_of(kept: Option<&StateItem>) -> Option<&str> {
    kept?.value.get("text")?.as_str()
}

fn listed(request: &Request, state: &State) -> Reply {
    let prefix = keys::tags(&request.place());
    let names: Vec<&str> = state.under(&prefix).map(|item| keys::last_part(&item.key)).collect();
    if names.is_empty() {
        return told(request, "tag-none", "");
    }
    let (count, names) = (names.len() as u64, shortened(&names.join(", "), 1_800));
    let with = [("count", Said::Count(count)), ("names", Said::Text(&names))];
    Reply::private(say(request.language, "tag-names", &with))
}

fn suggested(request: &Request, state: &State, typed: &str) -> Reply {
    let (prefix, typed) = (keys::tags(&request.place()), typed.trim().to_lowercase());
    let mut names: Vec<&str> = state.under(&prefix).map(|item| keys::last_part(&item.key)).collect();
    names.retain(|name| name.contains(&typed));
    names.sort_by_key(|name| !name.starts_with(&typed));
    Reply::Suggest(names.into_iter().take(25).map(|name| (name.to_owned(), name.to_owned())).collect())
}

fn told(request: &Request, id: &str, name: &str) -> Reply {
    Reply::private(say(request.language, id, &[("name", Said::Text(name))]))
}

fn too_many(request: &Request, id: &str, most: usize) -> Reply {
    let most = most.to_string();
    Reply::private(say(request.language, id, &[("most", Said::Text(&most))]))
}

/// A name as it is kept, if it is one.
fn good(name: &str) -> Option<String> {
    let name = name.trim().to_lowercase();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    ((1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)).then_some(name)
}
