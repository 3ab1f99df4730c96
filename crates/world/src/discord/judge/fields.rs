//! Fields Discord knows. It ignores any other, so a misspelt one is silent there: here it is a violation.

use serde_json::Value;

use super::Fault;

/// A command, in a bulk overwrite or alone.
pub(super) const COMMAND: &[&str] = &[
    "id",
    "type",
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "options",
    "default_member_permissions",
    "dm_permission",
    "default_permission",
    "nsfw",
    "contexts",
    "integration_types",
    "handler",
];
/// An option of a command.
pub(super) const OPTION: &[&str] = &[
    "type",
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "required",
    "choices",
    "options",
    "channel_types",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
    "autocomplete",
];
/// A choice of an option.
pub(super) const CHOICE: &[&str] = &["name", "name_localizations", "value"];
/// A message to a channel.
pub(super) const MESSAGE: &[&str] = &[
    "content",
    "nonce",
    "enforce_nonce",
    "tts",
    "embeds",
    "allowed_mentions",
    "message_reference",
    "components",
    "sticker_ids",
    "attachments",
    "flags",
    "poll",
    "shared_client_theme",
];
/// The data of an answer, the body of a follow-up and of an edit.
pub(super) const ANSWER: &[&str] = &[
    "content",
    "tts",
    "embeds",
    "allowed_mentions",
    "components",
    "attachments",
    "flags",
    "poll",
    "username",
    "avatar_url",
    "thread_name",
    "applied_tags",
];
/// The data of an answer that opens a form.
pub(super) const MODAL: &[&str] = &["custom_id", "title", "components"];
const EMBED: &[&str] = &[
    "title",
    "type",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "video",
    "provider",
    "author",
    "fields",
];
const MENTIONS: &[&str] = &["parse", "roles", "users", "replied_user"];
const ROW: &[&str] = &["type", "id", "components"];
const BUTTON: &[&str] = &["type", "id", "style", "label", "emoji", "custom_id", "sku_id", "url", "disabled"];
const SELECT: &[&str] = &[
    "type",
    "id",
    "custom_id",
    "options",
    "channel_types",
    "placeholder",
    "default_values",
    "min_values",
    "max_values",
    "required",
    "disabled",
];
const TEXT_INPUT: &[&str] =
    &["type", "id", "custom_id", "style", "label", "min_length", "max_length", "required", "value", "placeholder"];

/// Complains about every field of an object that is not in the list.
pub(super) fn only(object: &Value, known: &[&str], at: &str, faults: &mut Vec<Fault>) {
    for field in object.as_object().into_iter().flat_map(|object| object.keys()) {
        if !known.contains(&field.as_str()) {
            faults.push(Fault::ignored(format!("unknown field {at}/{field}")));
        }
    }
}

/// The parts a message and an answer share.
pub(super) fn parts(message: &Value, at: &str, faults: &mut Vec<Fault>) {
    only(&message["allowed_mentions"], MENTIONS, &format!("{at}/allowed_mentions"), faults);
    for (i, embed) in items(&message["embeds"]).enumerate() {
        only(embed, EMBED, &format!("{at}/embeds/{i}"), faults);
    }
    for (i, component) in items(&message["components"]).enumerate() {
        self::component(component, &format!("{at}/components/{i}"), faults);
    }
}

/// One component and what is in it. Layout components newer than the list are left to the document.
fn component(component: &Value, at: &str, faults: &mut Vec<Fault>) {
    match component["type"].as_u64() {
        Some(1) => only(component, ROW, at, faults),
        Some(2) => {
            only(component, BUTTON, at, faults);
            button(component, at, faults);
        }
        Some(3 | 5..=8) => {
            only(component, SELECT, at, faults);
            wants_custom_id(component, at, faults);
        }
        Some(4) => {
            only(component, TEXT_INPUT, at, faults);
            wants_custom_id(component, at, faults);
        }
        Some(_) => {}
        None => faults.push(Fault::refused(format!("{at} has no type"))),
    }
    for (i, child) in items(&component["components"]).enumerate() {
        self::component(child, &format!("{at}/components/{i}"), faults);
    }
}

/// A link has a URL, a premium button a SKU, every other button a custom id.
fn button(button: &Value, at: &str, faults: &mut Vec<Fault>) {
    match button["style"].as_u64() {
        Some(5) if button["url"].is_string() => {}
        Some(5) => faults.push(Fault::refused(format!("{at}: a link button without url"))),
        Some(6) if button["sku_id"].is_string() => {}
        Some(6) => faults.push(Fault::refused(format!("{at}: a premium button without sku_id"))),
        Some(_) | None => wants_custom_id(button, at, faults),
    }
}

fn wants_custom_id(component: &Value, at: &str, faults: &mut Vec<Fault>) {
    if component["custom_id"].as_str().is_none_or(str::is_empty) {
        faults.push(Fault::refused(format!("{at}: a component without custom_id")));
    }
}

/// The items of an array, or none.
pub(super) fn items(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}
