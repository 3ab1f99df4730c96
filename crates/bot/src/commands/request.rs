//! What a user asked for, reduced to what commands need: nothing of serenity goes further than this file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serenity::model::{
    Permissions,
    application::{
        ActionRowComponent, CommandInteraction, ComponentInteractionDataKind, Interaction, ResolvedOption,
        ResolvedValue,
    },
    id::GuildId,
};

use crate::language::{Language, of_locale};

/// One interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The interaction's id: the key of idempotency.
    pub interaction: u64,
    /// What was done.
    pub ask: Ask,
    /// The server's id, or none in a direct message.
    pub guild: Option<u64>,
    /// The channel's id.
    pub channel: u64,
    /// Who.
    pub user: u64,
    /// What they may do there; nothing special in a direct message.
    pub permissions: Permissions,
    /// The language their Discord speaks.
    pub language: Language,
    /// This machine's wall clock when it came.
    pub now: Timestamp,
}

/// What a user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Sent a command.
    Command(Called),
    /// Is typing into an option of a command.
    Typing {
        /// The command so far.
        called: Called,
        /// The option's name.
        option: String,
    },
    /// Pressed a button, or chose from a menu.
    Press {
        /// The component's id, as the command that made it chose.
        id: String,
        /// What was chosen; empty for a button.
        chosen: Vec<String>,
    },
    /// Sent a form.
    Form {
        /// The form's id.
        id: String,
        /// Texts by the input's id.
        fields: BTreeMap<String, String>,
    },
}

/// A command with what was filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Called {
    /// The command's name.
    pub command: String,
    /// The subcommand's name.
    pub subcommand: Option<String>,
    /// Options by name. Numbers and yes/no stand as text.
    pub options: BTreeMap<String, String>,
}

impl Request {
    /// Reads what serenity decoded; none for what Relais does not serve.
    #[must_use]
    pub fn of(interaction: &Interaction, now: Timestamp) -> Option<Self> {
        // The four kinds have the same fields under the same names, and no trait in common.
        macro_rules! request {
            ($from:ident, $ask:expr) => {
                Self {
                    interaction: $from.id.get(),
                    ask: $ask,
                    guild: $from.guild_id.map(GuildId::get),
                    channel: $from.channel_id.get(),
                    user: $from.user.id.get(),
                    permissions: $from.member.as_ref().and_then(|member| member.permissions).unwrap_or_default(),
                    language: of_locale(&$from.locale),
                    now,
                }
            };
        }
        Some(match interaction {
            Interaction::Command(command) => request!(command, Ask::Command(Called::of(command))),
            Interaction::Autocomplete(typing) => {
                let option = typing.data.autocomplete()?.name.to_owned();
                request!(typing, Ask::Typing { called: Called::of(typing), option })
            }
            Interaction::Component(press) => {
                let chosen = match &press.data.kind {
                    ComponentInteractionDataKind::StringSelect { values } => values.clone(),
                    _ => Vec::new(),
                };
                request!(press, Ask::Press { id: press.data.custom_id.clone(), chosen })
            }
            Interaction::Modal(form) => {
                let inputs = form.data.components.iter().flat_map(|row| &row.components);
                let fields = inputs.filter_map(|input| match input {
                    ActionRowComponent::InputText(input) => {
                        Some((input.custom_id.clone(), input.value.clone().unwrap_or_default()))
                    }
                    _ => None,
                });
                request!(form, Ask::Form { id: form.data.custom_id.clone(), fields: fields.collect() })
            }
            _ => return None,
        })
    }

    /// The command that serves this: its own name, or the one that made the button, menu or form.
    #[must_use]
    pub fn command(&self) -> &str {
        match &self.ask {
            Ask::Command(called) | Ask::Typing { called, .. } => &called.command,
            Ask::Press { id, .. } | Ask::Form { id, .. } => id.split(':').next().unwrap_or_default(),
        }
    }

    /// What stands behind the command's name in a component's or a form's id: `remind:cancel:7` gives `cancel`, `7`.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        match &self.ask {
            Ask::Press { id, .. } | Ask::Form { id, .. } => {
                let rest = id.split_once(':').map_or("", |(_, rest)| rest);
                rest.split_once(':').unwrap_or((rest, ""))
            }
            Ask::Command(_) | Ask::Typing { .. } => ("", ""),
        }
    }

    /// The subcommand, if one was sent.
    #[must_use]
    pub fn subcommand(&self) -> &str {
        self.called().and_then(|called| called.subcommand.as_deref()).unwrap_or_default()
    }

    /// The option of that name, as it was filled in.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.called()?.options.get(name).map(String::as_str)
    }

    fn called(&self) -> Option<&Called> {
        match &self.ask {
            Ask::Command(called) | Ask::Typing { called, .. } => Some(called),
            Ask::Press { .. } | Ask::Form { .. } => None,
        }
    }

    /// Where the request came from, as keys name it: the server's id, or the user's private messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.guild.map_or_else(|| format!("dm-{}", self.user), |guild| guild.to_string())
    }

    /// Whether the user has this right in the server. A direct message has no rights to have.
    #[must_use]
    pub fn may(&self, right: Permissions) -> bool {
        self.guild.is_some() && (self.permissions.contains(right) || self.permissions.administrator())
    }
}

impl Called {
    fn of(interaction: &CommandInteraction) -> Self {
        let mut called = Self { command: interaction.data.name.clone(), ..Self::default() };
        called.note(&interaction.data.options());
        called
    }

    fn note(&mut self, options: &[ResolvedOption<'_>]) {
        for option in options {
            let text = match &option.value {
                ResolvedValue::SubCommand(inner) | ResolvedValue::SubCommandGroup(inner) => {
                    self.subcommand = Some(option.name.to_owned());
                    self.note(inner);
                    continue;
                }
                ResolvedValue::String(text) | ResolvedValue::Autocomplete { value: text, .. } => (*text).to_owned(),
                ResolvedValue::Integer(number) => number.to_string(),
                ResolvedValue::Number(number) => number.to_string(),
                ResolvedValue::Boolean(yes) => yes.to_string(),
                _ => continue,
            };
            self.options.insert(option.name.to_owned(), text);
        }
    }
}
