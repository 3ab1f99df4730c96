//! The commands: one table for registration, dispatch and `/help`, one pure reply function each.
//!
//! A reply function gets the request and what the store said, and gives the answer and the writes. It knows no socket,
//! no clock, no store, so it may be called twice for a replayed interaction and says the same.

pub mod reply;
pub mod request;
pub mod state;

pub mod keys;
pub mod names;
pub mod rate;

pub mod failover;
pub mod help;
pub mod mydata;
pub mod poll;
pub mod remind;
pub mod reminders;
pub mod status;
pub mod tag;
pub mod timezone;

use relais_store::Write;
use serenity::{builder::CreateCommand, model::Permissions};

pub use self::{
    reply::{Button, Form, Menu, Message, Poll, Reply},
    request::{Ask, Called, Request},
    state::{Read, Standing, State},
};
use crate::language::{Said, say};

/// One row of the table.
pub struct Command {
    /// The English name, the key of its texts, and what the ids of its buttons, menus and forms begin with.
    pub name: &'static str,
    /// What Discord is told.
    pub register: fn() -> CreateCommand,
    /// What to read before the reply. Asked again once that was read, until it asks for nothing new.
    pub reads: fn(&Request, &State) -> Vec<Read>,
    /// The reply and what to write before it is given.
    pub reply: fn(&Request, &State) -> (Reply, Vec<Write>),
    /// What it changes: requests that may change the same wait for each other.
    pub changes: Changes,
    /// Whether it is for operators alone: who else asks is refused, and without operators Discord is not told of it.
    pub operators: bool,
}

/// What a command changes beside the records of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// Nothing else.
    Own,
    /// What a whole server shares.
    Server,
    /// The operator's override, of which there is one.
    Control,
}

/// Every command.
pub const TABLE: &[Command] = &[
    remind::COMMAND,
    reminders::COMMAND,
    timezone::COMMAND,
    tag::COMMAND,
    poll::COMMAND,
    status::COMMAND,
    mydata::COMMAND,
    failover::COMMAND,
    help::COMMAND,
];

impl Command {
    /// Whether this user may use it here. An operator must also be able to manage the server: what is said there is about
    /// the bot, not about its guests.
    #[must_use]
    pub fn is_open_to(&self, request: &Request, state: &State) -> bool {
        !self.operators || (state.operator && request.may(Permissions::MANAGE_GUILD))
    }
}

/// The command of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    TABLE.iter().find(|command| command.name == name)
}

/// What must be read to answer a request.
#[must_use]
pub fn reads(request: &Request, state: &State) -> Vec<Read> {
    let rate = (!is_typing(request)).then(|| Read::Item(keys::rate(request.user)));
    let own = find(request.command()).filter(|command| command.is_open_to(request, state));
    let own = own.map(|command| (command.reads)(request, state));
    rate.into_iter().chain(own.into_iter().flatten()).collect()
}

/// Answers a request: the command's own reply, unless its user asks for too much at once.
#[must_use]
pub fn handle(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let Some(command) = find(request.command()) else {
        return (Reply::private(say(request.language, "unknown-command", &[])), Vec::new());
    };
    if is_typing(request) {
        if !command.is_open_to(request, state) {
            return (Reply::Suggest(Vec::new()), Vec::new());
        }
        // Read-only, and as many as there are keystrokes.
        return ((command.reply)(request, state).0, Vec::new());
    }
    let rate = keys::rate(request.user);
    match rate::spend(request.user, state.item(&rate), request.now) {
        Err(seconds) => {
            let text = say(request.language, "slow-down", &[("seconds", Said::Count(seconds))]);
            (Reply::private(text), Vec::new())
        }
        Ok(spent) => {
            let (reply, mut writes) = if command.is_open_to(request, state) {
                (command.reply)(request, state)
            } else {
                (Reply::private(say(request.language, "operators-only", &[])), Vec::new())
            };
            // Erasing everything erases this too.
            if !writes.iter().any(|write| matches!(write, Write::Delete { key } if *key == rate)) {
                writes.push(spent);
            }
            (reply, writes)
        }
    }
}

fn is_typing(request: &Request) -> bool {
    matches!(request.ask, Ask::Typing { .. })
}
