//! What users do, and the INTERACTION_CREATE payload it becomes.

use serde_json::{Value, json};

use super::{
    objects,
    state::{Shared, State},
};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionUser {
    /// The user's id.
    pub id: u64,
    /// The user's name.
    pub name: String,
    /// Permissions in the channel, as Discord's bit set.
    pub permissions: u64,
}

impl InteractionUser {
    /// A user who may do ordinary things (send messages, use commands).
    #[must_use]
    pub fn new(id: u64, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), permissions: 1 << 10 | 1 << 11 | 1 << 31 }
    }
}

/// One option of a command as the user filled it in.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOption {
    /// The option's name.
    pub name: String,
    /// Its value.
    pub value: OptionValue,
    /// The user is typing it (autocomplete only).
    pub focused: bool,
}

/// An option's value.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    /// A subcommand with its options.
    Subcommand(Vec<CommandOption>),
    /// A group of subcommands with the chosen one.
    SubcommandGroup(Vec<CommandOption>),
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(f64),
}

impl CommandOption {
    /// A text option.
    #[must_use]
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: OptionValue::Text(value.into()), focused: false }
    }

    /// A subcommand.
    #[must_use]
    pub fn subcommand(name: impl Into<String>, options: Vec<Self>) -> Self {
        Self { name: name.into(), value: OptionValue::Subcommand(options), focused: false }
    }

    fn json(&self) -> Value {
        let inner = |options: &[Self]| options.iter().map(Self::json).collect::<Vec<_>>();
        let mut json = match &self.value {
            OptionValue::Subcommand(options) => json!({ "type": 1, "options": inner(options) }),
            OptionValue::SubcommandGroup(options) => json!({ "type": 2, "options": inner(options) }),
            OptionValue::Text(value) => json!({ "type": 3, "value": value }),
            OptionValue::Integer(value) => json!({ "type": 4, "value": value }),
            OptionValue::Boolean(value) => json!({ "type": 5, "value": value }),
            OptionValue::Number(value) => json!({ "type": 10, "value": value }),
        };
        json["name"] = json!(self.name);
        if self.focused {
            json["focused"] = json!(true);
        }
        json
    }
}

/// A slash command being sent.
#[derive(Debug, Clone, PartialEq)]
pub struct SlashCommand {
    /// The command's name. One that is not registered is dispatched all the same, with an id of its own.
    pub name: String,
    /// The options filled in.
    pub options: Vec<CommandOption>,
    /// Who.
    pub user: InteractionUser,
    /// The guild's id, or `None` in a private channel.
    pub guild: Option<u64>,
    /// The channel's id.
    pub channel: u64,
    /// The user's language (`en-US`, `fr` ...).
    pub locale: String,
}

/// A user typing into an option with autocomplete: the command so far, one option `focused`.
#[derive(Debug, Clone, PartialEq)]
pub struct Autocomplete(pub SlashCommand);

/// A button pressed or a menu chosen from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonPress {
    /// The message it sits on.
    pub message: u64,
    /// The component's custom id.
    pub custom_id: String,
    /// What a menu's user chose; `None` for a button.
    pub values: Option<Vec<String>>,
    /// Who.
    pub user: InteractionUser,
    /// The guild's id, or `None` in a private channel.
    pub guild: Option<u64>,
    /// The user's language.
    pub locale: String,
}

/// A form sent off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormSubmit {
    /// The form's custom id.
    pub custom_id: String,
    /// Custom ids of its text inputs and what was typed into them.
    pub fields: Vec<(String, String)>,
    /// Who.
    pub user: InteractionUser,
    /// The guild's id, or `None` in a private channel.
    pub guild: Option<u64>,
    /// The channel's id.
    pub channel: u64,
    /// The user's language.
    pub locale: String,
}

/// Whatever a user can do to the bot.
#[derive(Debug, Clone, PartialEq)]
pub enum UserAction {
    /// Sends a slash command.
    Slash(SlashCommand),
    /// Types into an option.
    Autocomplete(Autocomplete),
    /// Presses a button or chooses from a menu.
    Button(ButtonPress),
    /// Sends off a form.
    Form(FormSubmit),
}

impl From<SlashCommand> for UserAction {
    fn from(command: SlashCommand) -> Self {
        Self::Slash(command)
    }
}

impl From<Autocomplete> for UserAction {
    fn from(typing: Autocomplete) -> Self {
        Self::Autocomplete(typing)
    }
}

impl From<ButtonPress> for UserAction {
    fn from(press: ButtonPress) -> Self {
        Self::Button(press)
    }
}

impl From<FormSubmit> for UserAction {
    fn from(form: FormSubmit) -> Self {
        Self::Form(form)
    }
}

/// An action's parts, whichever it is.
pub(super) struct Parts {
    pub(super) kind: u8,
    pub(super) channel: u64,
    pub(super) guild: Option<u64>,
    pub(super) user: Value,
    pub(super) on_message: Option<u64>,
    permissions: u64,
    locale: String,
    data: Value,
    message: Option<Value>,
}

impl UserAction {
    /// Takes the action apart; commands and messages are looked up.
    pub(super) fn parts(&self, shared: &Shared, state: &mut State) -> Parts {
        match self {
            Self::Slash(command) | Self::Autocomplete(Autocomplete(command)) => Parts {
                kind: if matches!(self, Self::Slash(_)) { 2 } else { 4 },
                channel: command.channel,
                guild: command.guild,
                on_message: None,
                data: command_data(state, command),
                message: None,
                ..who(&command.user, &command.locale)
            },
            Self::Button(press) => {
                let message = state.messages.get(&press.message);
                let channel = message.map(|message| message.channel);
                let mut data = json!({ "custom_id": press.custom_id, "component_type": 2, "id": 1 });
                if let Some(values) = &press.values {
                    data["component_type"] = json!(3);
                    data["values"] = json!(values);
                }
                Parts {
                    kind: 3,
                    channel: channel.or_else(|| shared.config.channels.first().copied()).unwrap_or(0),
                    guild: press.guild,
                    on_message: Some(press.message),
                    data,
                    message: message.map(|message| message.object.clone()),
                    ..who(&press.user, &press.locale)
                }
            }
            Self::Form(form) => {
                let row = |(i, (id, text)): (usize, &(String, String))| {
                    let input = json!({ "type": 4, "id": 2 * i + 2, "custom_id": id, "value": text });
                    json!({ "type": 1, "id": 2 * i + 1, "components": [input] })
                };
                let rows: Vec<Value> = form.fields.iter().enumerate().map(row).collect();
                Parts {
                    kind: 5,
                    channel: form.channel,
                    guild: form.guild,
                    on_message: None,
                    data: json!({ "custom_id": form.custom_id, "components": rows }),
                    message: None,
                    ..who(&form.user, &form.locale)
                }
            }
        }
    }
}

fn who(user: &InteractionUser, locale: &str) -> Parts {
    Parts {
        kind: 0,
        channel: 0,
        guild: None,
        user: objects::user(user.id, &user.name, false),
        on_message: None,
        permissions: user.permissions,
        locale: locale.to_owned(),
        data: Value::Null,
        message: None,
    }
}

fn command_data(state: &mut State, command: &SlashCommand) -> Value {
    let scoped = |(scope, _): &&(Option<u64>, u64)| scope.is_none() || *scope == command.guild;
    let known = state
        .commands
        .iter()
        .find(|(key, known)| scoped(key) && known["name"] == command.name.as_str())
        .map(|((scope, id), _)| (*scope, *id));
    let (scope, id) = known.unwrap_or_else(|| (None, state.snowflake()));
    let mut data = json!({
        "id": id.to_string(), "name": command.name, "type": 1,
        "options": command.options.iter().map(CommandOption::json).collect::<Vec<_>>(),
    });
    if let Some(guild) = scope {
        data["guild_id"] = json!(guild.to_string());
    }
    data
}

/// The `d` of INTERACTION_CREATE.
pub(super) fn interaction(shared: &Shared, id: u64, token: &str, parts: &Parts) -> Value {
    let config = &shared.config;
    let mut payload = json!({
        "id": id.to_string(), "application_id": config.application_id.to_string(), "type": parts.kind,
        "token": token, "version": 1, "data": parts.data, "channel_id": parts.channel.to_string(),
        "channel": objects::channel(config, parts.channel, parts.guild), "locale": parts.locale,
        "app_permissions": objects::ALL_PERMISSIONS, "entitlements": [], "entitlement_sku_ids": [],
        "attachment_size_limit": 10_485_760,
    });
    if let Some(guild) = parts.guild {
        payload["guild_id"] = json!(guild.to_string());
        payload["guild"] = json!({ "id": guild.to_string(), "locale": "en-US", "features": [] });
        payload["guild_locale"] = json!("en-US");
        payload["member"] = objects::member(&parts.user, &parts.permissions.to_string());
        payload["context"] = json!(0);
        payload["authorizing_integration_owners"] = json!({ "0": guild.to_string() });
    } else {
        payload["user"] = parts.user.clone();
        payload["context"] = json!(1);
        payload["authorizing_integration_owners"] = json!({ "0": "0" });
    }
    if let Some(message) = &parts.message {
        payload["message"] = message.clone();
    }
    payload
}
