//! Discord's JSON objects, as much of each as a client needs to decode it.

use serde_json::{Value, json};

use super::{config::DiscordConfig, state::made_at};

/// Every permission of a channel Relais could want; as a string, the way Discord sends permissions.
pub(super) const ALL_PERMISSIONS: &str = "9007199254740991";

/// RFC 3339 in UTC with milliseconds, as Discord writes times.
pub(super) fn iso(unix_millis: u64) -> String {
    let (days, rest) = (unix_millis / 86_400_000, unix_millis % 86_400_000);
    // Days to a civil date, after Howard Hinnant's `civil_from_days`, from 0000-03-01.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}000+00:00", rest % 1000)
}

/// A person or the bot.
pub(super) fn user(id: u64, name: &str, bot: bool) -> Value {
    json!({
        "id": id.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
        "avatar_decoration_data": null, "primary_guild": null, "public_flags": 0, "flags": 0, "bot": bot,
    })
}

/// The bot's own user.
pub(super) fn bot_user(config: &DiscordConfig) -> Value {
    user(config.application_id, "relais", true)
}

/// The bot's own user as `GET /users/@me` shows it.
pub(super) fn own_user(config: &DiscordConfig) -> Value {
    let mut user = bot_user(config);
    user["mfa_enabled"] = json!(true);
    user["verified"] = json!(true);
    user["locale"] = json!("en-US");
    user["email"] = Value::Null;
    user
}

/// The application.
pub(super) fn application(config: &DiscordConfig) -> Value {
    json!({
        "id": config.application_id.to_string(), "name": "Relais", "icon": null, "description": "", "type": null,
        "summary": "", "bot": bot_user(config), "bot_public": false, "bot_require_code_grant": false,
        "verify_key": "0".repeat(64), "flags": 0, "flags_new": "0", "redirect_uris": [],
        "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "owner": user(1, "owner", false), "approximate_guild_count": 1, "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0, "explicit_content_filter": 0, "team": null,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
    })
}

/// A guild member, with permissions as an interaction carries them.
pub(super) fn member(user: &Value, permissions: &str) -> Value {
    json!({
        "user": user, "nick": null, "avatar": null, "banner": null, "roles": [], "flags": 0, "pending": false,
        "joined_at": "2024-01-01T00:00:00.000000+00:00", "premium_since": null, "deaf": false, "mute": false,
        "communication_disabled_until": null, "unusual_dm_activity_until": null, "permissions": permissions,
    })
}

/// A text channel of the guild, as an interaction shows it.
pub(super) fn channel(config: &DiscordConfig, id: u64, guild: Option<u64>) -> Value {
    let mut channel = json!({
        "id": id.to_string(), "type": 1, "flags": 0, "last_message_id": null, "permissions": ALL_PERMISSIONS,
        "name": null,
    });
    if let Some(guild) = guild {
        let position = config.channels.iter().position(|&known| known == id).unwrap_or(0);
        channel["type"] = json!(0);
        channel["guild_id"] = json!(guild.to_string());
        channel["name"] = json!(format!("channel-{position}"));
        channel["position"] = json!(position);
        channel["nsfw"] = json!(false);
        channel["parent_id"] = Value::Null;
        channel["topic"] = Value::Null;
        channel["rate_limit_per_user"] = json!(0);
        channel["permission_overwrites"] = json!([]);
    } else {
        channel["name"] = json!("direct");
    }
    channel
}

/// The private channel with one person.
pub(super) fn private_channel(id: u64, recipient: &Value) -> Value {
    json!({ "id": id.to_string(), "type": 1, "flags": 0, "last_message_id": null, "recipients": [recipient] })
}

/// The `d` of GUILD_CREATE.
pub(super) fn guild(config: &DiscordConfig, guild: u64) -> Value {
    let id = guild.to_string();
    let own = if guild == config.guild { &*config.channels } else { &[] };
    let channels: Vec<Value> = own.iter().map(|&c| channel(config, c, Some(guild))).collect();
    let everyone = json!({
        "id": id, "name": "@everyone", "color": 0, "colors": {"primary_color": 0, "secondary_color": null,
        "tertiary_color": null}, "hoist": false, "icon": null, "unicode_emoji": null, "position": 0,
        "permissions": ALL_PERMISSIONS, "managed": false, "mentionable": false, "flags": 0, "tags": {},
    });
    let bot = member(&bot_user(config), ALL_PERMISSIONS);
    let mut guild = json!({
        "id": id, "name": "Rehearsal", "icon": null, "icon_hash": null, "splash": null, "discovery_splash": null,
        "owner_id": "1", "region": "deprecated", "afk_channel_id": null, "afk_timeout": 300,
        "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
        "default_message_notifications": 1, "explicit_content_filter": 0, "roles": [everyone], "emojis": [],
        "features": [], "mfa_level": 0, "application_id": null, "system_channel_id": null,
        "system_channel_flags": 0, "rules_channel_id": null, "max_presences": null, "max_members": 500_000,
    });
    let more = json!({
        "vanity_url_code": null, "description": null, "banner": null, "premium_tier": 0,
        "premium_subscription_count": 0, "preferred_locale": "en-US", "public_updates_channel_id": null,
        "safety_alerts_channel_id": null, "max_video_channel_users": 25, "max_stage_video_channel_users": 50,
        "nsfw": false, "nsfw_level": 0, "stickers": [], "premium_progress_bar_enabled": false,
        "joined_at": "2024-01-01T00:00:00.000000+00:00", "large": false, "unavailable": false, "member_count": 2,
        "voice_states": [], "members": [bot], "channels": channels, "threads": [], "presences": [],
        "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
    });
    if let (Some(guild), Value::Object(more)) = (guild.as_object_mut(), more) {
        guild.extend(more);
    }
    guild
}

/// The `d` of READY.
pub(super) fn ready(
    config: &DiscordConfig,
    session: &str,
    resume_url: &str,
    shard: Option<&Value>,
    guilds: &[u64],
) -> Value {
    let unavailable = |id: &u64| json!({ "id": id.to_string(), "unavailable": true });
    let guilds: Vec<Value> = guilds.iter().map(unavailable).collect();
    let mut ready = json!({
        "v": 10, "user": own_user(config), "guilds": guilds,
        "session_id": session, "session_type": "normal", "resume_gateway_url": resume_url,
        "application": { "id": config.application_id.to_string(), "flags": 0 },
        "private_channels": [], "relationships": [], "presences": [], "guild_join_requests": [],
        "user_settings": {}, "user_settings_proto": "", "game_relationships": [], "geo_ordered_rtc_regions": [],
        "auth": {}, "_trace": ["small-discord"],
    });
    if let Some(shard) = shard {
        ready["shard"] = shard.clone();
    }
    ready
}

/// A message of the bot made from what it asked for.
pub(super) fn message(config: &DiscordConfig, id: u64, channel: u64, asked: &Value) -> Value {
    let flags = asked["flags"].as_u64().unwrap_or(0);
    let mut message = json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "type": 0, "author": bot_user(config),
        "content": asked["content"].as_str().unwrap_or_default(), "timestamp": iso(made_at(id)),
        "edited_timestamp": null, "tts": asked["tts"].as_bool().unwrap_or(false), "mention_everyone": false,
        "mentions": [], "mention_roles": [], "attachments": [], "embeds": embeds(asked), "pinned": false,
        "flags": flags, "components": components(&asked["components"]),
    });
    if let Some(nonce) = asked.get("nonce").filter(|nonce| !nonce.is_null()) {
        message["nonce"] = nonce.clone();
    }
    message
}

/// Puts the fields of an edit into a message.
pub(super) fn edit(message: &mut Value, asked: &Value, at_unix_millis: u64) {
    if let Some(content) = asked.get("content") {
        message["content"] = Value::from(content.as_str().unwrap_or_default());
    }
    if asked.get("embeds").is_some() {
        message["embeds"] = embeds(asked);
    }
    if let Some(asked) = asked.get("components") {
        message["components"] = components(asked);
    }
    message["edited_timestamp"] = Value::from(iso(at_unix_millis));
}

/// Embeds as Discord shows them: with their type.
fn embeds(asked: &Value) -> Value {
    let mut embeds = asked["embeds"].as_array().cloned().unwrap_or_default();
    for embed in &mut embeds {
        embed["type"] = json!("rich");
    }
    Value::from(embeds)
}

/// Components as Discord shows them: every one with an id, nested ones too.
fn components(asked: &Value) -> Value {
    fn number(component: &mut Value, next: &mut u32) {
        if !component.is_object() {
            return;
        }
        if component["id"].as_u64().is_none_or(|id| id == 0) {
            component["id"] = json!(*next);
        }
        *next += 1;
        if let Some(children) = component.get_mut("components").and_then(Value::as_array_mut) {
            children.iter_mut().for_each(|child| number(child, next));
        }
    }
    let mut components = asked.as_array().cloned().unwrap_or_default();
    let mut next = 1;
    components.iter_mut().for_each(|component| number(component, &mut next));
    Value::from(components)
}

/// A registered command as Discord shows it.
pub(super) fn command(config: &DiscordConfig, id: u64, version: u64, guild: Option<u64>, asked: &Value) -> Value {
    let mut command = asked.clone();
    if let Some(options) = command.get_mut("options") {
        tidy(options);
    }
    command["id"] = json!(id.to_string());
    command["application_id"] = json!(config.application_id.to_string());
    command["version"] = json!(version.to_string());
    for (key, default) in [
        ("type", json!(1)),
        ("description", json!("")),
        ("default_member_permissions", Value::Null),
        ("dm_permission", json!(true)),
        ("nsfw", json!(false)),
        ("name_localizations", Value::Null),
        ("description_localizations", Value::Null),
    ] {
        if command.get(key).is_none_or(Value::is_null) {
            command[key] = default;
        }
    }
    if let Some(permissions) = asked["default_member_permissions"].as_u64() {
        command["default_member_permissions"] = json!(permissions.to_string());
    }
    if let Some(guild) = guild {
        command["guild_id"] = json!(guild.to_string());
    }
    command
}

/// Discord stores an option without what was sent as nothing: null or an empty list.
fn tidy(options: &mut Value) {
    for option in options.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        option.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
        if let Some(inner) = option.get_mut("options") {
            tidy(inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_discord_writes_them() {
        assert_eq!(iso(1_420_070_400_000), "2015-01-01T00:00:00.000000+00:00");
        assert_eq!(iso(1_709_210_096_789), "2024-02-29T12:34:56.789000+00:00");
    }

    #[test]
    fn nested_components_are_numbered() {
        let shown = components(&json!([{"type": 1, "components": [{"type": 2}, {"type": 2}]}]));
        assert_eq!(shown[0]["components"][1]["id"], 3);
    }
}
