//! The text of a gateway message as serenity reads it, whatever stands in it.

use std::panic::catch_unwind;

use serenity::model::event::GatewayEvent;

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// It is no JSON, or not of a form that serenity knows.
    #[error("it has another form")]
    Form(#[from] serde_json::Error),
    /// serenity panicked over it: a picture's hash of 32 bytes with a letter that is no ASCII is enough (0.12.5, `ImageHash`).
    #[error("serenity panicked over it")]
    Panic,
}

/// Reads one message.
///
/// A panic here would end the shard, and a RESUME would bring the same message again: to the bot it is one more text that
/// cannot be read.
///
/// # Errors
/// [`Undecodable`].
pub fn decode(text: &str) -> Result<GatewayEvent, Undecodable> {
    Ok(catch_unwind(|| serde_json::from_str(text)).map_err(|_| Undecodable::Panic)??)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_serenity_panics_over_is_only_undecodable() {
        let user = json!({ "id": "7", "username": "somebody", "avatar": format!("{}ab", "ﷺ".repeat(10)) });
        let data = json!({ "custom_id": "remind:cancel:7", "components": [] });
        let form = json!({
            "op": 0, "s": 7, "t": "INTERACTION_CREATE", "d": {
                "id": "8", "application_id": "900", "type": 5, "token": "token", "version": 1, "data": data, "user": user,
                "channel_id": "5", "locale": "fr", "entitlements": [], "attachment_size_limit": 1,
            },
        });
        assert!(matches!(decode(&form.to_string()), Err(Undecodable::Panic)));
    }

    #[test]
    fn what_is_no_message_is_undecodable_and_what_is_one_is_read() {
        for text in ["", "{", "[]", "{\"op\": 99}", "\u{0}"] {
            assert!(matches!(decode(text), Err(Undecodable::Form(_))), "{text:?}");
        }
        assert!(matches!(decode("{\"op\": 11}"), Ok(GatewayEvent::HeartbeatAck)));
    }
}
