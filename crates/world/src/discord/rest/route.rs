//! The operations the small Discord has, under the paths of Discord's own document.

use std::{collections::HashMap, fmt};

use crate::discord::log::EffectKind;

/// One operation; each is described by its line in the table below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::discord) enum Operation {
    Gateway,
    GatewayBot,
    Me,
    PrivateChannel,
    Application,
    Oauth2Application,
    CommandsList,
    CommandsPut,
    CommandCreate,
    CommandShow,
    CommandEdit,
    CommandDelete,
    GuildCommandsList,
    GuildCommandsPut,
    GuildCommandCreate,
    GuildCommandShow,
    GuildCommandEdit,
    GuildCommandDelete,
    Callback,
    OriginalShow,
    OriginalEdit,
    OriginalDelete,
    FollowupCreate,
    FollowupShow,
    FollowupEdit,
    FollowupDelete,
    MessageCreate,
    MessageShow,
    MessageEdit,
    MessageDelete,
}

const COMMANDS: &str = "/applications/{application_id}/commands";
const COMMAND: &str = "/applications/{application_id}/commands/{command_id}";
const GUILD_COMMANDS: &str = "/applications/{application_id}/guilds/{guild_id}/commands";
const GUILD_COMMAND: &str = "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}";
const ORIGINAL: &str = "/webhooks/{webhook_id}/{webhook_token}/messages/@original";
const FOLLOWUP: &str = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}";
const MESSAGE: &str = "/channels/{channel_id}/messages/{message_id}";
const CREATE_MESSAGE: &str = "post /channels/{channel_id}/messages";

/// Method and path as one text, so that a log line needs no allocation. Fixed segments before captured ones.
const TABLE: &[(Operation, &str, &str, &str)] = &[
    (Operation::Gateway, "get", "/gateway", "get /gateway"),
    (Operation::GatewayBot, "get", "/gateway/bot", "get /gateway/bot"),
    (Operation::Me, "get", "/users/@me", "get /users/@me"),
    (Operation::PrivateChannel, "post", "/users/@me/channels", "post /users/@me/channels"),
    (Operation::Application, "get", "/applications/@me", "get /applications/@me"),
    (Operation::Oauth2Application, "get", "/oauth2/applications/@me", "get /oauth2/applications/@me"),
    (Operation::CommandsList, "get", COMMANDS, "get /applications/{application_id}/commands"),
    (Operation::CommandsPut, "put", COMMANDS, "put /applications/{application_id}/commands"),
    (Operation::CommandCreate, "post", COMMANDS, "post /applications/{application_id}/commands"),
    (Operation::CommandShow, "get", COMMAND, "get /applications/{application_id}/commands/{command_id}"),
    (Operation::CommandEdit, "patch", COMMAND, "patch /applications/{application_id}/commands/{command_id}"),
    (Operation::CommandDelete, "delete", COMMAND, "delete /applications/{application_id}/commands/{command_id}"),
    (
        Operation::GuildCommandsList,
        "get",
        GUILD_COMMANDS,
        "get /applications/{application_id}/guilds/{guild_id}/commands",
    ),
    (
        Operation::GuildCommandsPut,
        "put",
        GUILD_COMMANDS,
        "put /applications/{application_id}/guilds/{guild_id}/commands",
    ),
    (
        Operation::GuildCommandCreate,
        "post",
        GUILD_COMMANDS,
        "post /applications/{application_id}/guilds/{guild_id}/commands",
    ),
    (
        Operation::GuildCommandShow,
        "get",
        GUILD_COMMAND,
        "get /applications/{application_id}/guilds/{guild_id}/commands/{command_id}",
    ),
    (
        Operation::GuildCommandEdit,
        "patch",
        GUILD_COMMAND,
        "patch /applications/{application_id}/guilds/{guild_id}/commands/{command_id}",
    ),
    (
        Operation::GuildCommandDelete,
        "delete",
        GUILD_COMMAND,
        "delete /applications/{application_id}/guilds/{guild_id}/commands/{command_id}",
    ),
    (
        Operation::Callback,
        "post",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        "post /interactions/{interaction_id}/{interaction_token}/callback",
    ),
    (Operation::OriginalShow, "get", ORIGINAL, "get /webhooks/{webhook_id}/{webhook_token}/messages/@original"),
    (Operation::OriginalEdit, "patch", ORIGINAL, "patch /webhooks/{webhook_id}/{webhook_token}/messages/@original"),
    (Operation::OriginalDelete, "delete", ORIGINAL, "delete /webhooks/{webhook_id}/{webhook_token}/messages/@original"),
    (
        Operation::FollowupCreate,
        "post",
        "/webhooks/{webhook_id}/{webhook_token}",
        "post /webhooks/{webhook_id}/{webhook_token}",
    ),
    (Operation::FollowupShow, "get", FOLLOWUP, "get /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"),
    (Operation::FollowupEdit, "patch", FOLLOWUP, "patch /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"),
    (
        Operation::FollowupDelete,
        "delete",
        FOLLOWUP,
        "delete /webhooks/{webhook_id}/{webhook_token}/messages/{message_id}",
    ),
    (Operation::MessageCreate, "post", "/channels/{channel_id}/messages", CREATE_MESSAGE),
    (Operation::MessageShow, "get", MESSAGE, "get /channels/{channel_id}/messages/{message_id}"),
    (Operation::MessageEdit, "patch", MESSAGE, "patch /channels/{channel_id}/messages/{message_id}"),
    (Operation::MessageDelete, "delete", MESSAGE, "delete /channels/{channel_id}/messages/{message_id}"),
];

impl Operation {
    fn row(self) -> &'static (Self, &'static str, &'static str, &'static str) {
        // Every operation has its line (a test walks them); the first stands in where one were forgotten.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// `get`, `post` ...
    pub(in crate::discord) fn method(self) -> &'static str {
        self.row().1
    }

    /// The path template, without `/api/v10`.
    pub(in crate::discord) fn path(self) -> &'static str {
        self.row().2
    }

    /// Method and path template.
    pub(in crate::discord) fn name(self) -> &'static str {
        self.row().3
    }

    /// Whether the path itself is the credential, so that no bot token is asked for.
    pub(super) fn open(self) -> bool {
        self == Self::Gateway || self.path().contains("_token}")
    }

    /// What users notice of it.
    pub(super) fn effect(self) -> Option<EffectKind> {
        match self {
            Self::Callback => Some(EffectKind::Answer),
            Self::OriginalEdit | Self::OriginalDelete => Some(EffectKind::Edit),
            Self::FollowupCreate | Self::FollowupEdit | Self::FollowupDelete => Some(EffectKind::Followup),
            Self::MessageCreate | Self::MessageEdit | Self::MessageDelete => Some(EffectKind::Message),
            Self::CommandsPut
            | Self::CommandCreate
            | Self::CommandEdit
            | Self::CommandDelete
            | Self::GuildCommandsPut
            | Self::GuildCommandCreate
            | Self::GuildCommandEdit
            | Self::GuildCommandDelete => Some(EffectKind::Registration),
            Self::Gateway
            | Self::GatewayBot
            | Self::Me
            | Self::PrivateChannel
            | Self::Application
            | Self::Oauth2Application
            | Self::CommandsList
            | Self::CommandShow
            | Self::GuildCommandsList
            | Self::GuildCommandShow
            | Self::OriginalShow
            | Self::FollowupShow
            | Self::MessageShow => None,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A path's captured segments by name.
pub(super) type Params = HashMap<&'static str, String>;

/// The operation of a method and a path (without `/api/v10`).
pub(super) fn find(method: &str, path: &str) -> Option<(Operation, Params)> {
    TABLE.iter().find_map(|(operation, verb, template, _)| {
        (verb.eq_ignore_ascii_case(method))
            .then(|| captured(template, path))
            .flatten()
            .map(|params| (*operation, params))
    })
}

fn captured(template: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                params.insert(name, segment.replace("%40", "@"));
            }
            Some(_) => return None,
            None if wanted == segment || (wanted.starts_with('@') && segment == wanted.replace('@', "%40")) => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_finds_itself() {
        for (operation, method, template, name) in TABLE {
            let path = template.replace(['{', '}'], "");
            assert_eq!(find(method, &path).unwrap().0, *operation);
            assert_eq!(*name, format!("{method} {template}"));
            assert_eq!(operation.name(), *name);
        }
    }

    #[test]
    fn segments_are_captured() {
        let (operation, params) = find("POST", "/interactions/12/abc/callback").unwrap();
        assert_eq!(operation, Operation::Callback);
        assert_eq!((params["interaction_id"].as_str(), params["interaction_token"].as_str()), ("12", "abc"));
    }

    #[test]
    fn the_original_is_no_message_id() {
        assert_eq!(find("PATCH", "/webhooks/1/t/messages/@original").unwrap().0, Operation::OriginalEdit);
        assert_eq!(find("PATCH", "/webhooks/1/t/messages/77").unwrap().0, Operation::FollowupEdit);
    }

    #[test]
    fn other_paths_are_unknown() {
        assert!(find("GET", "/guilds/1").is_none());
        assert!(find("PUT", "/gateway").is_none());
        assert!(find("GET", "/gateway/").is_none());
    }
}
