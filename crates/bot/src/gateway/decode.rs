//! The text of a gateway message, whatever stands in it. Only what this bot acts on is read: an interaction as serenity
//! reads it; of everything else, a server's whole state among it, no more than its name and number.

use std::{borrow::Cow, panic::catch_unwind};

use serde::{Deserialize, de::Error as _};
use serde_json::value::RawValue;
use serenity::model::application::Interaction;

/// A message of the gateway (Discord documentation, gateway opcodes).
#[derive(Debug)]
pub enum Heard {
    /// A user wants something (op 0, INTERACTION_CREATE).
    Interaction {
        /// The event's number in its session.
        sequence: u64,
        /// What is wanted.
        interaction: Box<Interaction>,
    },
    /// Any other event (op 0).
    Event {
        /// Its number in its session.
        sequence: u64,
    },
    /// Discord asks for a new connection (op 7).
    Reconnect,
    /// The session is over (op 9).
    Invalid {
        /// It may be resumed all the same.
        resumable: bool,
    },
    /// The first message of a connection (op 10).
    Hello {
        /// How often a heartbeat is due, ms.
        heartbeat_interval: u64,
    },
    /// A heartbeat arrived (op 11).
    HeartbeatAck,
    /// Discord asks for a heartbeat (op 1), which the connection itself answers.
    HeartbeatAsked,
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// It is no JSON, or not of a form that Discord describes.
    #[error("it has another form")]
    Form(#[from] serde_json::Error),
    /// serenity panicked over it: a picture's hash of 32 bytes with a letter that is no ASCII is enough (0.12.5, `ImageHash`).
    #[error("serenity panicked over it")]
    Panic,
}

/// What every message has around its content.
#[derive(Deserialize)]
struct Envelope<'a> {
    op: u8,
    #[serde(default)]
    s: Option<u64>,
    #[serde(default, borrow)]
    t: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    d: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Hello {
    heartbeat_interval: u64,
}

/// Reads one message.
///
/// A panic here would end the shard, and a RESUME would bring the same message again: to the bot it is one more text that
/// cannot be read.
///
/// # Errors
/// [`Undecodable`].
pub fn decode(text: &str) -> Result<Heard, Undecodable> {
    let Envelope { op, s, t, d } = serde_json::from_str(text)?;
    let missing = |field| Undecodable::Form(serde_json::Error::missing_field(field));
    let content = || d.map(RawValue::get).ok_or_else(|| missing("d"));
    Ok(match op {
        0 => {
            let sequence = s.ok_or_else(|| missing("s"))?;
            match t.ok_or_else(|| missing("t"))?.as_ref() {
                "INTERACTION_CREATE" => {
                    Heard::Interaction { sequence, interaction: Box::new(interaction(content()?)?) }
                }
                _ => Heard::Event { sequence },
            }
        }
        1 => Heard::HeartbeatAsked,
        7 => Heard::Reconnect,
        9 => Heard::Invalid { resumable: serde_json::from_str(content()?)? },
        10 => {
            let Hello { heartbeat_interval } = serde_json::from_str(content()?)?;
            Heard::Hello { heartbeat_interval }
        }
        11 => Heard::HeartbeatAck,
        _ => return Err(serde_json::Error::custom(format_args!("unknown opcode {op}")).into()),
    })
}

fn interaction(content: &str) -> Result<Interaction, Undecodable> {
    Ok(catch_unwind(|| serde_json::from_str(content)).map_err(|_| Undecodable::Panic)??)
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
    fn what_is_no_message_is_undecodable() {
        for text in [
            "",
            "{",
            "[]",
            "\u{0}",
            "{}",
            "{\"op\": 99}",
            r#"{"op": 0, "t": "RESUMED", "d": {}}"#,
            r#"{"op": 0, "s": 1, "d": {}}"#,
            r#"{"op": 0, "s": 1, "t": "INTERACTION_CREATE"}"#,
            r#"{"op": 0, "s": 1, "t": "INTERACTION_CREATE", "d": {"id": "1"}}"#,
            r#"{"op": 9}"#,
            r#"{"op": 10, "d": {}}"#,
        ] {
            assert!(matches!(decode(text), Err(Undecodable::Form(_))), "{text:?}");
        }
    }

    #[test]
    fn each_kind_of_message_is_read_whatever_the_order_of_its_fields() {
        let heard = |text: &str| format!("{:?}", decode(text).unwrap());
        assert_eq!(
            heard(r#"{"d": {"any": ["thing"]}, "s": 7, "t": "GUILD_CREATE", "op": 0}"#),
            "Event { sequence: 7 }"
        );
        assert_eq!(heard(r#"{"op": 0, "s": 8, "t": "SOMETHING_NEW", "d": null}"#), "Event { sequence: 8 }");
        assert_eq!(heard(r#"{"op": 7, "d": null, "s": null, "t": null}"#), "Reconnect");
        assert_eq!(heard(r#"{"op": 9, "d": true}"#), "Invalid { resumable: true }");
        let hello = r#"{"op": 10, "d": {"heartbeat_interval": 41250, "_trace": ["x"]}}"#;
        assert_eq!(heard(hello), "Hello { heartbeat_interval: 41250 }");
        assert_eq!(heard(r#"{"op": 11}"#), "HeartbeatAck");
        assert_eq!(heard(r#"{"op": 1, "d": 5}"#), "HeartbeatAsked");
    }
}
