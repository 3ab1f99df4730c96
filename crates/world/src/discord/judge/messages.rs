//! The rules of answers and messages that Discord's document misses: nothing to show, unknown fields, bare buttons.

use serde_json::Value;

use super::{
    Fault,
    fields::{self, items},
};

/// Characters of a message's text. Discord's document says 4000, which only paying people have.
const CONTENT: usize = 2000;

/// The first answer to an interaction.
pub(super) fn callback(body: &Value, faults: &mut Vec<Fault>) {
    fields::only(body, &["type", "data"], "", faults);
    let data = &body["data"];
    match body["type"].as_u64() {
        Some(4) => {
            shown(data, "/data", faults);
            answer(data, "/data", faults);
        }
        Some(5..=7) => answer(data, "/data", faults),
        Some(8) => {
            fields::only(data, &["choices"], "/data", faults);
            if items(&data["choices"]).count() > 25 {
                faults.push(Fault::refused("/data/choices: more than 25"));
            }
            for (i, choice) in items(&data["choices"]).enumerate() {
                fields::only(choice, fields::CHOICE, &format!("/data/choices/{i}"), faults);
            }
        }
        Some(9) => {
            fields::only(data, fields::MODAL, "/data", faults);
            if data["custom_id"].as_str().is_none_or(str::is_empty) || data["title"].as_str().is_none_or(str::is_empty)
            {
                faults.push(Fault::refused("/data: a form needs custom_id and title"));
            }
            fields::parts(data, "/data", faults);
        }
        Some(12) => {}
        Some(other) => faults.push(Fault::refused(format!("/type: {other} answers no interaction of a gateway"))),
        None => faults.push(Fault::refused("no type")),
    }
}

/// A message to a channel.
pub(super) fn created(body: &Value, faults: &mut Vec<Fault>) {
    fields::only(body, fields::MESSAGE, "", faults);
    shown(body, "", faults);
    text(body, "", faults);
    fields::parts(body, "", faults);
    let nonce = &body["nonce"];
    if nonce.as_str().is_some_and(|nonce| nonce.chars().count() > 25) {
        faults.push(Fault::refused("/nonce is longer than 25"));
    }
    if body["enforce_nonce"].as_bool() == Some(true) && (nonce.is_null() || nonce.as_str() == Some("")) {
        faults.push(Fault::refused("/enforce_nonce without a nonce guards nothing"));
    }
}

/// A further message of an interaction.
pub(super) fn followed_up(body: &Value, faults: &mut Vec<Fault>) {
    shown(body, "", faults);
    answer(body, "", faults);
}

/// An edit of any message.
pub(super) fn edited(body: &Value, faults: &mut Vec<Fault>) {
    answer(body, "", faults);
}

fn answer(data: &Value, at: &str, faults: &mut Vec<Fault>) {
    fields::only(data, fields::ANSWER, at, faults);
    text(data, at, faults);
    fields::parts(data, at, faults);
}

fn text(data: &Value, at: &str, faults: &mut Vec<Fault>) {
    if data["content"].as_str().is_some_and(|text| text.chars().count() > CONTENT) {
        faults.push(Fault::refused(format!("{at}/content is longer than {CONTENT}")));
    }
}

/// Something to see must be there.
fn shown(data: &Value, at: &str, faults: &mut Vec<Fault>) {
    let text = data["content"].as_str().is_some_and(|text| !text.trim().is_empty());
    let parts = ["embeds", "components", "attachments", "sticker_ids"];
    if !text && !data["poll"].is_object() && parts.iter().all(|part| items(&data[*part]).next().is_none()) {
        faults.push(Fault::refused(format!("{at}: an empty message")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complains(judge: fn(&Value, &mut Vec<Fault>), body: Value, about: &str) {
        let mut faults = Vec::new();
        judge(&body, &mut faults);
        assert!(faults.iter().any(|fault| fault.text.contains(about)), "{about}: {faults:?}");
    }

    #[test]
    fn good_ones_pass() {
        let mut faults = Vec::new();
        callback(&json!({"type": 4, "data": {"content": "hello", "flags": 64}}), &mut faults);
        callback(&json!({"type": 5}), &mut faults);
        created(&json!({"content": "due", "nonce": "42", "enforce_nonce": true}), &mut faults);
        let button = json!({"type": 2, "style": 1, "label": "Cancel", "custom_id": "cancel:1"});
        let rows = json!([{"type": 1, "components": [button]}]);
        followed_up(&json!({"content": "x", "components": rows}), &mut faults);
        assert_eq!(faults, []);
    }

    #[test]
    fn empty_messages_are_seen() {
        complains(created, json!({"content": "  "}), "empty message");
        complains(callback, json!({"type": 4, "data": {"embeds": []}}), "empty message");
    }

    #[test]
    fn buttons_need_a_custom_id() {
        let rows = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "x"}]}]);
        complains(created, json!({"content": "x", "components": rows}), "without custom_id");
    }

    #[test]
    fn unknown_fields_are_seen_deep_down() {
        complains(created, json!({"content": "x", "allowed_mention": {}}), "unknown field /allowed_mention");
        complains(callback, json!({"type": 4, "data": {"content": "x", "embeds": [{"titel": "x"}]}}), "/titel");
    }

    #[test]
    fn an_enforced_nonce_must_be_there() {
        complains(created, json!({"content": "x", "enforce_nonce": true}), "guards nothing");
    }
}
