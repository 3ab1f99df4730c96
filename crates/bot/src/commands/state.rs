//! What a reply is made from beside the request.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use relais_failover::{ControlRecord, EventRecord, Site, Term, WallClock};
use relais_store::{StateItem, StateKey};

/// One thing to read before a reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// One item.
    Item(StateKey),
    /// All items whose key begins so, at most this many.
    Under(String, usize),
    /// The last moves of the bot, at most this many.
    History(usize),
    /// The operator's override.
    Control,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The items that were asked for and are there, one by one or by what their keys begin with.
    pub items: BTreeMap<StateKey, StateItem>,
    /// The last moves, newest first.
    pub history: Vec<EventRecord>,
    /// The operator's override, if it was asked for and is there, also one whose time is over.
    pub control: Option<ControlRecord>,
    /// How this site stands.
    pub standing: Option<Standing>,
    /// Whether the settings name the asker as an operator.
    pub operator: bool,
    /// What was read already.
    pub done: BTreeSet<Read>,
}

impl State {
    /// The item of that key.
    #[must_use]
    pub fn item(&self, key: &StateKey) -> Option<&StateItem> {
        self.items.get(key)
    }

    /// A text inside the item of that key.
    #[must_use]
    pub fn text(&self, key: &StateKey, name: &str) -> Option<&str> {
        self.item(key)?.value.get(name)?.as_str()
    }

    /// The items whose keys begin so, in the order of their keys.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a StateItem> {
        self.items.values().filter(move |item| item.key.as_str().starts_with(prefix))
    }
}

/// How this site stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The site.
    pub site: Site,
    /// The term it speaks under.
    pub term: Term,
    /// Since when.
    pub since: WallClock,
    /// Mean heartbeat latency of the gateway.
    pub latency: Option<Duration>,
}
