//! The text of a gateway dispatch, in the form that Discord gives it.

use serde_json::{Value, json};

use super::{
    catalogue::{Opt, Way},
    plan::{Damage, Fill, Who},
};

/// What was done, and the `data` that tells it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// 2 a command, 3 a component, 4 typing, 5 a form (Discord documentation, interaction type).
    pub(crate) kind: u8,
    pub(crate) data: Value,
}

/// What stands before every text that only its user may see again.
pub(crate) fn mark_of_user(user: u64) -> String {
    format!("⟦{user}⟧")
}

/// What stands before every text that only its place may see again.
pub(crate) fn mark_of_place(who: &Who) -> String {
    who.guild.map_or_else(|| format!("⟦dm-{}⟧", who.user), |guild| format!("⟦in-{guild}⟧"))
}

/// The `data` of a command; `typing` is the option that is being typed into. `n` makes repeats differ.
pub(crate) fn command(way: &Way, typing: Option<&str>, fills: &[Fill], who: &Who, n: u16) -> Told {
    let filled = way.options.iter().enumerate().filter_map(|(at, option)| {
        let focused = typing == Some(option.name.as_str());
        let mut json = self::option(option, fills.get(at), who, n, focused)?;
        if focused {
            json["focused"] = json!(true);
        }
        Some(json)
    });
    let mut options: Vec<Value> = filled.collect();
    for (kind, name) in way.path.iter().rev() {
        options = vec![json!({ "type": kind, "name": name, "options": options })];
    }
    let data = json!({ "id": "901", "name": way.command, "type": 1, "options": options });
    Told { kind: if typing.is_some() { 4 } else { 2 }, data }
}

fn option(option: &Opt, fill: Option<&Fill>, who: &Who, n: u16, focused: bool) -> Option<Value> {
    let with = |value: Value| Some(json!({ "name": option.name, "type": option.kind, "value": value }));
    let text = |text: &str| -> Value {
        match option.kind {
            4 => json!(text.len()),
            5 => json!(text.len() % 2 == 1),
            10 => json!(text.len() as f64 / 3.0),
            6..=9 | 11 => json!(text.len().max(1).to_string()),
            _ => json!(text),
        }
    };
    match fill {
        None if !option.required && !focused => None,
        Some(Fill::Absent) if !focused => None,
        None | Some(Fill::Absent) => with(fitting(option, 0, who, n)),
        Some(Fill::Fitting(index)) => with(fitting(option, index.index(1 << 16), who, n)),
        Some(Fill::Sensible(sensible)) => with(text(sensible)),
        Some(Fill::Text(any)) => with(text(&bounded(any, option))),
        Some(Fill::Wild(any)) => with(text(any)),
        Some(Fill::Number(number)) => with(match option.kind {
            3 => json!(number.to_string()),
            4 => json!(number),
            10 => json!(*number as f64 * 0.5),
            _ => text(&number.to_string()),
        }),
        Some(Fill::WrongKind(kind)) => {
            let value = [json!("text"), json!(7), json!(true), json!(0.5), Value::Null, json!([])];
            let value = value.get(usize::from(*kind) % value.len()).cloned().unwrap_or_default();
            Some(json!({ "name": option.name, "type": kind, "value": value }))
        }
    }
}

/// Something that fits the option's name; a text of one's own where nothing is known about it.
fn fitting(option: &Opt, which: usize, who: &Who, n: u16) -> Value {
    let pick = |list: &[&str]| json!(list.get(which % list.len()).copied().unwrap_or_default());
    if !option.choices.is_empty() {
        return option.choices.get(which % option.choices.len()).cloned().unwrap_or_default();
    }
    match (option.kind, option.name.as_str()) {
        (3, "when") => pick(&["10m", "1h", "18:30", "tomorrow 9:00", "demain 9h", "3d", "31/12", "30s", "1 year"]),
        (3, "zone") => pick(&["Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia", "america/new_york", "UTC"]),
        (3, "name") if n > 0 => json!(format!("t{n}")),
        (3, "name") => pick(&["milk", "tea", "a-b_c", "Bread", "t1"]),
        (3, "answers") => pick(&["yes;no", "a;b;c", "1;2;3;4;5;6;7;8;9;10"]),
        (4, _) => {
            let (least, most) = (option.least.unwrap_or(0), option.most.unwrap_or(1_000));
            let span = u64::try_from(most.saturating_sub(least)).unwrap_or(0).saturating_add(1);
            json!(least.saturating_add(i64::try_from(which as u64 % span).unwrap_or(0)))
        }
        (5, _) => json!(which.is_multiple_of(2)),
        (10, _) => json!(which as f64 / 7.0),
        (6..=9 | 11, _) => json!((which + 1).to_string()),
        _ => json!(format!("{}text {which} {n}", mark_of_user(who.user))),
    }
}

/// As Discord's own clients would let it through.
fn bounded(text: &str, option: &Opt) -> String {
    let most = option.most.and_then(|most| usize::try_from(most).ok()).unwrap_or(6_000);
    let short: String = text.chars().take(most).collect();
    if short.is_empty() && option.least.is_some_and(|least| least > 0) { "x".to_owned() } else { short }
}

/// The `data` of a press or of a choice.
pub(crate) fn component(id: &str, values: Option<&[String]>) -> Told {
    let mut data = json!({ "custom_id": id, "component_type": 2, "id": 1 });
    if let Some(values) = values {
        data["component_type"] = json!(3);
        data["values"] = json!(values);
    }
    Told { kind: 3, data }
}

/// The `data` of a form.
pub(crate) fn form(id: &str, fields: &[(String, String)]) -> Told {
    let row = |(id, text): &(String, String)| {
        let input = json!({ "type": 4, "id": 2, "custom_id": id, "value": text });
        json!({ "type": 1, "id": 1, "components": [input] })
    };
    let rows: Vec<Value> = fields.iter().map(row).collect();
    Told { kind: 5, data: json!({ "custom_id": id, "components": rows }) }
}

/// The whole dispatch.
pub(crate) fn dispatch(id: u64, who: &Who, told: &Told) -> Value {
    let name = "somebody";
    let user = json!({
        "id": who.user.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
        "public_flags": 0, "flags": 0, "bot": false,
    });
    let mut payload = json!({
        "id": id.to_string(), "application_id": "900", "type": told.kind, "token": "token", "version": 1,
        "data": told.data, "channel_id": "5", "locale": who.locale, "app_permissions": "9007199254740991",
        "channel": { "id": "5", "type": if who.guild.is_some() { 0 } else { 1 }, "permissions": "0", "name": "channel" },
        "entitlements": [], "attachment_size_limit": 10_485_760,
    });
    match who.guild {
        Some(guild) => {
            payload["guild_id"] = json!(guild.to_string());
            payload["guild_locale"] = json!("en-US");
            payload["member"] = json!({
                "user": user, "nick": null, "avatar": null, "roles": [], "flags": 0, "pending": false,
                "joined_at": "2024-01-01T00:00:00.000000+00:00", "premium_since": null, "deaf": false, "mute": false,
                "communication_disabled_until": null, "permissions": who.permissions.to_string(),
            });
            payload["context"] = json!(0);
            payload["authorizing_integration_owners"] = json!({ "0": guild.to_string() });
        }
        None => {
            payload["user"] = user.clone();
            payload["context"] = json!(1);
            payload["authorizing_integration_owners"] = json!({ "0": "0" });
        }
    }
    if told.kind == 3 {
        payload["message"] = json!({
            "id": "700", "channel_id": "5", "type": 0, "content": "", "tts": false, "mention_everyone": false,
            "author": { "id": "900", "username": "relais", "discriminator": "0", "avatar": null, "bot": true },
            "timestamp": "2026-01-01T00:00:00.000000+00:00", "edited_timestamp": null, "mentions": [],
            "mention_roles": [], "attachments": [], "embeds": [], "pinned": false, "flags": 64, "components": [],
        });
    }
    json!({ "t": "INTERACTION_CREATE", "s": 7, "op": 0, "d": payload })
}

/// The text of a dispatch after what happened to it on its way.
pub(crate) fn damaged(mut dispatch: Value, damage: &[Damage], write: impl Fn(&Value) -> String) -> String {
    for change in damage {
        match change {
            Damage::Node(at, value) => {
                let at = at.index(nodes(&dispatch));
                replace(&mut dispatch, at, value);
            }
            Damage::Text(at, text) => {
                let mut texts = Vec::new();
                if let Some(data) = dispatch.pointer_mut("/d/data") {
                    texts_of(data, &mut texts);
                }
                let at = at.index(texts.len().max(1));
                if let Some(place) = texts.into_iter().nth(at) {
                    place.clone_from(text);
                }
            }
            Damage::Missing(at) => {
                let (at, mut seen) = (at.index(nodes(&dispatch)), 0);
                remove(&mut dispatch, at, &mut seen);
            }
            Damage::Byte(..) | Damage::Cut(..) | Damage::Twice(..) | Damage::End(_) => {}
        }
    }
    let mut bytes = write(&dispatch).into_bytes();
    for change in damage {
        if bytes.is_empty() {
            break;
        }
        let piece = |at: &proptest::sample::Index, many: u8| {
            let from = at.index(bytes.len());
            from..from.saturating_add(usize::from(many)).min(bytes.len())
        };
        match change {
            Damage::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes.splice(at..=at, [*byte]);
            }
            Damage::Cut(at, many) => {
                let piece = piece(at, *many);
                bytes.drain(piece);
            }
            Damage::Twice(at, many) => {
                let piece = piece(at, *many);
                let copy = bytes.get(piece.clone()).unwrap_or_default().to_vec();
                bytes.splice(piece.start..piece.start, copy);
            }
            Damage::End(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Node(..) | Damage::Text(..) | Damage::Missing(_) => {}
        }
    }
    // A WebSocket's text is always UTF-8.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every text in a value.
fn texts_of<'a>(value: &'a mut Value, texts: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => fields.values_mut().for_each(|field| texts_of(field, texts)),
        _ => {}
    }
}

/// How many values there are in a value, itself among them.
fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum::<usize>(),
        _ => 0,
    }
}

fn replace(value: &mut Value, at: usize, with: &Value) {
    if at == 0 {
        value.clone_from(with);
        return;
    }
    let mut left = at - 1;
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => return,
    };
    for child in inner {
        let here = nodes(child);
        if left < here {
            return replace(child, left, with);
        }
        left -= here;
    }
}

/// Takes the field away whose value is the `at`th.
fn remove(value: &mut Value, at: usize, seen: &mut usize) {
    *seen += 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, at, seen)),
        Value::Object(fields) => {
            let mut gone = None;
            for (name, child) in fields.iter_mut() {
                if *seen == at {
                    gone = Some(name.clone());
                }
                remove(child, at, seen);
            }
            if let Some(name) = gone {
                fields.remove(&name);
            }
        }
        _ => {}
    }
}
