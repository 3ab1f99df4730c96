//! `/mydata`: everything that is kept about a user, as a file, or gone.

use relais_failover::{ControlRecord, wire::Record as _};
use relais_store::{StateItem, StateKey, Write};
use serde_json::{Value, json};
use serenity::model::application::CommandOptionType;

use super::{Ask, Button, Changes, Command, Message, Read, Reply, Request, State, keys, names};
use crate::{
    language::{Said, say},
    reminders::Reminder,
};

/// The row of the table.
pub const COMMAND: Command =
    Command { name: "mydata", register, reads, reply, changes: Changes::Control, operators: false };

/// Most records of one user that are read at once.
const RECORDS: usize = 10_000;
/// Most writes of one erasure: a store takes 98 in one transaction.
const ERASED: usize = 90;

fn register() -> serenity::builder::CreateCommand {
    let sub = |id: &str| names::option(CommandOptionType::SubCommand, id);
    names::command("mydata").add_option(sub("mydata-export")).add_option(sub("mydata-delete"))
}

/// All records of the user, and then the tags that these name.
fn reads(request: &Request, state: &State) -> Vec<Read> {
    let asks_only = matches!(request.ask, Ask::Command(_)) && request.subcommand() == "delete";
    if asks_only || request.parts().0 == "keep" {
        return Vec::new();
    }
    let tags = tags(request, state).into_iter().map(Read::Item);
    [Read::Control, Read::Under(keys::of_user(request.user), RECORDS)].into_iter().chain(tags).collect()
}

/// The tags that this user wrote.
fn tags(request: &Request, state: &State) -> Vec<StateKey> {
    let prefix = keys::all_authored(request.user);
    let named = state.under(&prefix).filter_map(|item| item.key.as_str().strip_prefix(prefix.as_str()));
    named.filter_map(|rest| rest.rsplit_once('#')).map(|(place, name)| keys::tag(place, name)).collect()
}

/// The override, if this user asked for it.
fn own_control<'a>(request: &Request, state: &'a State) -> Option<&'a ControlRecord> {
    state.control.as_ref().filter(|record| record.by == Some(request.user))
}

/// The override without its author and the author's words: it goes on, since a bot is moved for all.
fn anonymous(record: &ControlRecord) -> Write {
    Write::Control(ControlRecord { reason: String::new(), by: None, ..record.clone() })
}

/// Whether a tag says that somebody else wrote it, whatever this user's records say.
fn of_another(request: &Request, tag: &StateItem) -> bool {
    let author = tag.value.get("by").and_then(Value::as_str).and_then(|by| by.parse::<u64>().ok());
    author.is_some_and(|author| author != request.user)
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    match &request.ask {
        Ask::Command(_) if request.subcommand() == "delete" => (sure(request), Vec::new()),
        Ask::Command(_) => (exported(request, state), Vec::new()),
        Ask::Press { .. } if request.parts().0 == "erase" => erased(request, state),
        Ask::Press { .. } | Ask::Typing { .. } | Ask::Form { .. } => {
            (Reply::update(say(request.language, "mydata-kept", &[])), Vec::new())
        }
    }
}

fn exported(request: &Request, state: &State) -> Reply {
    let prefix = keys::of_user(request.user);
    let own = state.under(&prefix).map(|item| (item.key.to_string(), item.value.clone()));
    let tags = tags(request, state);
    let written = tags
        .iter()
        .filter_map(|key| state.item(key))
        .filter(|tag| !of_another(request, tag))
        .map(|item| (item.key.to_string(), item.value.clone()));
    let control = own_control(request, state).and_then(|record| serde_json::to_value(record).ok());
    let control = control.map(|record| (ControlRecord::NAME.to_owned(), record));
    let records: serde_json::Map<String, Value> = own.chain(written).chain(control).collect();
    if records.is_empty() {
        return Reply::private(say(request.language, "mydata-nothing", &[]));
    }
    let file = json!({ "user": request.user.to_string(), "records": records });
    let content = say(request.language, "mydata-file", &[]);
    let file = Some(("mydata.json".to_owned(), format!("{file:#}").into_bytes()));
    Reply::Say(Message { content, private: true, file, ..Message::default() })
}

fn sure(request: &Request) -> Reply {
    Reply::Say(question(request, say(request.language, "mydata-sure", &[])))
}

fn question(request: &Request, content: String) -> Message {
    let button = |verb: &str, text: &str, danger| Button {
        id: format!("mydata:{verb}"),
        label: say(request.language, text, &[]),
        danger,
    };
    let buttons = vec![button("erase", "mydata-erase", true), button("keep", "mydata-keep", false)];
    Message { content, private: true, buttons, ..Message::default() }
}

/// Deletes what one transaction holds. Each record goes together with what points to it or from it.
fn erased(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let prefix = keys::of_user(request.user);
    let (mut count, mut more) = (0_u64, false);
    let mut writes: Vec<Write> = own_control(request, state).map(anonymous).into_iter().collect();
    for item in state.under(&prefix) {
        let together = match Reminder::of(item) {
            Some(reminder) => reminder.forgotten(),
            None => {
                let tag = item.key.as_str().strip_prefix(keys::all_authored(request.user).as_str());
                let tag = tag.and_then(|rest| rest.rsplit_once('#')).map(|(place, name)| keys::tag(place, name));
                let tag = tag.filter(|key| !state.item(key).is_some_and(|tag| of_another(request, tag)));
                let tag = tag.map(|key| Write::Delete { key });
                [Write::Delete { key: item.key.clone() }].into_iter().chain(tag).collect()
            }
        };
        if writes.len() + together.len() > ERASED {
            more = true;
            continue;
        }
        count += 1;
        writes.extend(together);
    }
    // Erased last, so that it stays counted that this user asks much at once.
    if more {
        writes.retain(|write| !matches!(write, Write::Delete { key } if *key == keys::rate(request.user)));
        let text = say(request.language, "mydata-more", &[("count", Said::Count(count))]);
        return (Reply::Update(question(request, text)), writes);
    }
    writes.push(Write::Delete { key: keys::rate(request.user) });
    let mut seen = std::collections::BTreeSet::new();
    writes.retain(|write| match write {
        Write::Delete { key } => seen.insert(key.clone()),
        Write::Put { .. } | Write::AppendEvent(_) | Write::Control(_) => true,
    });
    (Reply::update(say(request.language, "mydata-erased", &[])), writes)
}
