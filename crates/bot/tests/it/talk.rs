//! A user who talks with the commands as pure functions: no socket, no store but a map.

use std::collections::BTreeMap;

use jiff::Timestamp;
use relais_bot::{
    commands::{Ask, Called, Message, Read, Reply, Request, State, handle, reads},
    language::Language,
};
use relais_store::{StateItem, StateKey, Write};
use serde_json::Value;
use serenity::model::Permissions;

pub(crate) const NOW: &str = "2026-11-25T12:00:00Z";

/// A user's side of a conversation with the commands, and the store behind it.
pub(crate) struct Talk {
    pub(crate) request: Request,
    pub(crate) state: State,
    said: u64,
}

impl Talk {
    pub(crate) fn new() -> Self {
        let request = Request {
            interaction: 1_000,
            ask: Ask::Command(Called::default()),
            guild: Some(42),
            channel: 5,
            user: 3,
            permissions: Permissions::empty(),
            language: Language::English,
            now: NOW.parse().unwrap(),
        };
        Self { request, state: State::default(), said: 0 }
    }

    pub(crate) fn french(mut self) -> Self {
        self.request.language = Language::French;
        self
    }

    pub(crate) fn by(&mut self, user: u64, permissions: Permissions) -> &mut Self {
        (self.request.user, self.request.permissions) = (user, permissions);
        self
    }

    pub(crate) fn command(&mut self, name: &str, sub: &str, options: &[(&str, &str)]) -> Reply {
        self.ask(Ask::Command(called(name, sub, options)))
    }

    pub(crate) fn typing(&mut self, name: &str, sub: &str, option: &str, typed: &str) -> Vec<String> {
        let called = called(name, sub, &[(option, typed)]);
        match self.ask(Ask::Typing { called, option: option.to_owned() }) {
            Reply::Suggest(choices) => choices.into_iter().map(|(value, _)| value).collect(),
            other => panic!("not suggestions: {other:?}"),
        }
    }

    pub(crate) fn press(&mut self, id: &str, chosen: &[&str]) -> Reply {
        self.ask(Ask::Press { id: id.to_owned(), chosen: chosen.iter().map(|&value| value.to_owned()).collect() })
    }

    pub(crate) fn form(&mut self, id: &str, text: &str) -> Reply {
        let fields = BTreeMap::from([("text".to_owned(), text.to_owned())]);
        self.ask(Ask::Form { id: id.to_owned(), fields })
    }

    /// Asks as the bot does, and keeps what is written.
    fn ask(&mut self, ask: Ask) -> Reply {
        self.said += 1;
        (self.request.ask, self.request.interaction) = (ask, 1_000 + self.said);
        // What the command does not ask for it does not see.
        let (standing, operator) = (self.state.standing, self.state.operator);
        let mut seen = State { standing, operator, ..State::default() };
        for _ in 0..3 {
            for read in reads(&self.request, &seen) {
                match &read {
                    Read::History(most) => seen.history = self.state.history.iter().take(*most).cloned().collect(),
                    Read::Control => seen.control = self.state.control.clone(),
                    Read::Item(_) | Read::Under(..) => {}
                }
                let kept = self.state.items.iter().filter(|(key, _)| match &read {
                    Read::Item(wanted) => wanted == *key,
                    Read::Under(prefix, _) => key.as_str().starts_with(prefix.as_str()),
                    Read::History(_) | Read::Control => false,
                });
                seen.items.extend(kept.map(|(key, item)| (key.clone(), item.clone())));
            }
        }
        let (reply, writes) = handle(&self.request, &seen);
        assert!(writes.len() <= 98, "more than one transaction holds");
        for write in writes {
            match write {
                Write::Put { key, value } => {
                    self.state.items.insert(key.clone(), StateItem { key, value, revision: 1 });
                }
                Write::Delete { key } => {
                    self.state.items.remove(&key);
                }
                Write::Control(record) => self.state.control = Some(record),
                Write::AppendEvent(event) => panic!("a command wrote history: {event:?}"),
            }
        }
        reply
    }

    pub(crate) fn value(&self, key: &StateKey) -> Option<&Value> {
        self.state.item(key).map(|item| &item.value)
    }

    pub(crate) fn kept(&self, prefix: &str) -> Vec<String> {
        self.state.under(prefix).map(|item| item.key.to_string()).collect()
    }
}

pub(crate) fn called(name: &str, sub: &str, options: &[(&str, &str)]) -> Called {
    Called {
        command: name.to_owned(),
        subcommand: (!sub.is_empty()).then(|| sub.to_owned()),
        options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

pub(crate) fn message(reply: &Reply) -> &Message {
    match reply {
        Reply::Say(message) | Reply::Update(message) => message,
        other => panic!("no message: {other:?}"),
    }
}

pub(crate) fn unix(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}
