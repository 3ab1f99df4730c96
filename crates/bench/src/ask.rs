//! What is asked: four commands as INTERACTION_CREATE says them (Discord: "Interaction Object").

use serde_json::{Value, json};

/// The application, its bot, and the command ids' base.
pub const APPLICATION: u64 = 300;
const GUILD: u64 = 100;
const CHANNEL: u64 = 201;
/// Milliseconds from the Unix epoch to Discord's.
const DISCORD_EPOCH: u64 = 1_420_070_400_000;
/// A snowflake's bits below its time: here the number of the question, which so comes back with its answer.
const NUMBER_BITS: u32 = 22;
/// The tag that is asked for, and its text.
const TAG: (&str, &str) = ("rules", "Be kind to each other.");
/// Send messages, use commands, manage the server: whoever keeps the tag may.
const PERMISSIONS: &str = "2147486752";

/// A command that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// `/help`
    Help,
    /// `/timezone`
    Zone,
    /// `/tag get name:rules`
    Tag,
    /// `/status`
    Status,
    /// The form of `/tag set`, sent off once so that there is a tag.
    KeepTag,
}

impl Ask {
    /// Those of the load, in turn.
    pub const ALL: [Self; 4] = [Self::Help, Self::Zone, Self::Tag, Self::Status];

    /// How the answer begins.
    #[must_use]
    pub const fn begins(self) -> &'static str {
        match self {
            Self::Help => "What I can do",
            Self::Zone => "You have set no time zone",
            Self::Tag => TAG.1,
            Self::Status => "Site: laptop",
            Self::KeepTag => "Kept: ",
        }
    }

    fn kind(self) -> u8 {
        if self == Self::KeepTag { 5 } else { 2 }
    }

    fn data(self) -> Value {
        let command = |id: u64, name: &str, options: Value| json!({ "id": (APPLICATION + id).to_string(), "name": name, "type": 1, "options": options });
        match self {
            Self::Help => command(1, "help", json!([])),
            Self::Zone => command(2, "timezone", json!([])),
            Self::Tag => {
                let name = json!({ "type": 3, "name": "name", "value": TAG.0 });
                command(3, "tag", json!([{ "type": 1, "name": "get", "options": [name] }]))
            }
            Self::Status => command(4, "status", json!([])),
            Self::KeepTag => {
                let input = json!({ "type": 4, "id": 2, "custom_id": "text", "value": TAG.1 });
                let row = json!({ "type": 1, "id": 1, "components": [input] });
                json!({ "custom_id": format!("tag:keep:{}", TAG.0), "components": [row] })
            }
        }
    }

    /// The `d` of the event: question `number`, asked by `user` at `unix_millis`.
    #[must_use]
    pub fn event(self, number: usize, user: u64, unix_millis: u64) -> Value {
        let (guild, channel, own) = (GUILD.to_string(), CHANNEL.to_string(), APPLICATION.to_string());
        let id =
            (unix_millis.saturating_sub(DISCORD_EPOCH) << NUMBER_BITS) | (number as u64 & ((1 << NUMBER_BITS) - 1));
        json!({
            "id": id.to_string(), "application_id": own, "type": self.kind(), "token": format!("token-{id}"),
            "version": 1, "data": self.data(), "channel_id": channel, "guild_id": guild, "locale": "en-US",
            "guild_locale": "en-US", "app_permissions": "9007199254740991", "entitlements": [],
            "entitlement_sku_ids": [], "attachment_size_limit": 10_485_760, "context": 0,
            "authorizing_integration_owners": { "0": guild },
            "guild": { "id": guild, "locale": "en-US", "features": [] },
            "channel": {
                "id": channel, "type": 0, "flags": 0, "last_message_id": null, "permissions": "9007199254740991",
                "name": "general", "guild_id": guild, "position": 0, "nsfw": false, "parent_id": null, "topic": null,
                "rate_limit_per_user": 0, "permission_overwrites": [],
            },
            "member": {
                "user": {
                    "id": user.to_string(), "username": format!("user-{user}"), "discriminator": "0",
                    "global_name": null, "avatar": null, "public_flags": 0, "bot": false,
                },
                "nick": null, "avatar": null, "roles": [], "flags": 0, "pending": false, "deaf": false, "mute": false,
                "joined_at": "2024-01-01T00:00:00.000000+00:00", "premium_since": null,
                "communication_disabled_until": null, "permissions": PERMISSIONS,
            },
        })
    }
}

/// The number of the question that an interaction's id carries.
#[must_use]
pub fn number(id: u64) -> usize {
    usize::try_from(id & ((1 << NUMBER_BITS) - 1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_comes_back_from_the_id_and_the_time_stays_in_it() {
        let event = Ask::Tag.event(4_000_000, 7, 1_790_000_000_123);
        let id: u64 = event["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(number(id), 4_000_000);
        assert_eq!((id >> NUMBER_BITS) + DISCORD_EPOCH, 1_790_000_000_123);
    }
}
