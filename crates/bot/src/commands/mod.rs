//! The commands: one table for registration and dispatch, one pure reply function each.
//!
//! A reply function gets the request and what the store said, and gives the answer and the writes. It knows no socket,
//! no clock, no store, so it may be called twice for a replayed interaction and says the same.

pub mod note;
pub mod status;

use std::{collections::BTreeMap, time::Duration};

use relais_failover::{Site, Term, WallClock};
use relais_store::{StateItem, StateKey, Write};
use serenity::{
    builder::CreateCommand,
    model::application::{CommandInteraction, ResolvedOption, ResolvedValue},
};

/// What a user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The interaction's id: the key of idempotency.
    pub interaction: u64,
    /// The command's name.
    pub command: String,
    /// The subcommand's name.
    pub subcommand: Option<String>,
    /// Text options by name.
    pub options: BTreeMap<String, String>,
    /// Where: the server's id, or none in a direct message.
    pub guild: Option<u64>,
    /// Who.
    pub user: u64,
}

impl Request {
    /// Reads what serenity decoded.
    #[must_use]
    pub fn of(interaction: &CommandInteraction) -> Self {
        let mut request = Self {
            interaction: interaction.id.get(),
            command: interaction.data.name.clone(),
            subcommand: None,
            options: BTreeMap::new(),
            guild: interaction.guild_id.map(serenity::model::id::GuildId::get),
            user: interaction.user.id.get(),
        };
        request.note_options(&interaction.data.options());
        request
    }

    fn note_options(&mut self, options: &[ResolvedOption<'_>]) {
        for option in options {
            match &option.value {
                ResolvedValue::SubCommand(inner) | ResolvedValue::SubCommandGroup(inner) => {
                    self.subcommand = Some(option.name.to_owned());
                    self.note_options(inner);
                }
                ResolvedValue::String(text) => {
                    self.options.insert(option.name.to_owned(), (*text).to_owned());
                }
                _ => {}
            }
        }
    }

    /// The namespace of this request's notes: the server, or the user in a direct message.
    #[must_use]
    pub fn place(&self) -> String {
        self.guild.map_or_else(|| format!("user-{}", self.user), |guild| guild.to_string())
    }
}

/// What a reply is made from beside the request.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The items that [`Command::keys`] asked for and the store had.
    pub items: BTreeMap<StateKey, StateItem>,
    /// How this site stands.
    pub standing: Option<Standing>,
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

/// An answer to a user. Mentions are always off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text, at most 2,000 characters.
    pub content: String,
    /// Whether only the asker sees it.
    pub ephemeral: bool,
}

impl Reply {
    /// Seen by the asker only.
    #[must_use]
    pub fn private(content: impl Into<String>) -> Self {
        Self { content: content.into(), ephemeral: true }
    }

    /// Seen by everybody in the channel.
    #[must_use]
    pub fn public(content: impl Into<String>) -> Self {
        Self { content: content.into(), ephemeral: false }
    }
}

/// One row of the table.
pub struct Command {
    /// The name users type.
    pub name: &'static str,
    /// What Discord is told.
    pub register: fn() -> CreateCommand,
    /// What to read before the reply.
    pub keys: fn(&Request) -> Vec<StateKey>,
    /// The reply and what to write before it is given.
    pub reply: fn(&Request, &State) -> (Reply, Vec<Write>),
}

/// Every command, for registration and dispatch.
pub const TABLE: &[Command] = &[
    Command { name: note::NAME, register: note::register, keys: note::keys, reply: note::reply },
    Command { name: status::NAME, register: status::register, keys: status::keys, reply: status::reply },
];

/// The command of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    TABLE.iter().find(|command| command.name == name)
}
