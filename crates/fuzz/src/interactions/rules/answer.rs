//! Discord's limits, checked in the body that it would get (Discord documentation: messages, components, polls, modals).

use std::collections::HashSet;

use relais_bot::commands::{Ask, Reply, Request};
use serde_json::Value;

use super::holds;

/// The size of every text and list of a first answer.
pub(crate) fn within_limits(body: &Value) -> Result<(), String> {
    let data = &body["data"];
    match body["type"].as_u64() {
        Some(4 | 7) => message(data),
        Some(8) => suggestions(&data["choices"]),
        Some(9) => modal(data),
        other => Err(format!("an answer of type {other:?}")),
    }
}

/// Whether the answer is of a kind that Discord takes for such a request, one that can happen.
pub(crate) fn fits(request: &Request, reply: &Reply) -> Result<(), String> {
    let good = match (&request.ask, reply) {
        (Ask::Typing { .. }, reply) => matches!(reply, Reply::Suggest(_)),
        (Ask::Command(_), reply) => matches!(reply, Reply::Say(_) | Reply::Ask(_)),
        (Ask::Press { .. }, reply) => matches!(reply, Reply::Say(_) | Reply::Update(_) | Reply::Ask(_)),
        // None of the forms is opened by a button, so there is no message to update.
        (Ask::Form { .. }, reply) => matches!(reply, Reply::Say(_)),
    };
    holds!(good, "{:?} was answered with {reply:?}", request.ask);
    Ok(())
}

fn message(data: &Value) -> Result<(), String> {
    let content = data["content"].as_str().unwrap_or_default();
    holds!(content.chars().count() <= 2_000, "a content of {} characters", content.chars().count());
    let poll = data["poll"].is_object();
    holds!(poll || !content.trim().is_empty(), "a message with nothing to read");
    holds!(data["allowed_mentions"]["parse"].as_array().is_some_and(Vec::is_empty), "mentions are on");
    if poll {
        self::poll(&data["poll"])?;
    }
    let rows = list(&data["components"]);
    holds!(rows.len() <= 5, "{} rows", rows.len());
    let mut ids = HashSet::new();
    for row in rows {
        let parts = list(&row["components"]);
        holds!((1..=5).contains(&parts.len()), "a row of {} components", parts.len());
        for part in parts {
            let id = sized(part, "custom_id", 1, 100)?;
            holds!(ids.insert(id.to_owned()), "two components with the id {id:?}");
            match part["type"].as_u64() {
                Some(2) => drop(sized(part, "label", 1, 80)?),
                Some(3) => menu(part)?,
                other => return Err(format!("a component of type {other:?}")),
            }
        }
    }
    Ok(())
}

fn menu(menu: &Value) -> Result<(), String> {
    sized(menu, "placeholder", 1, 150)?;
    let options = list(&menu["options"]);
    holds!((1..=25).contains(&options.len()), "a menu of {} options", options.len());
    let mut values = HashSet::new();
    for option in options {
        let value = sized(option, "value", 1, 100)?;
        holds!(values.insert(value), "two options with the value {value:?}");
        sized(option, "label", 1, 100)?;
    }
    let most = menu["max_values"].as_u64().unwrap_or(1);
    holds!((1..=options.len() as u64).contains(&most), "{most} to choose of {}", options.len());
    Ok(())
}

fn suggestions(choices: &Value) -> Result<(), String> {
    let choices = list(choices);
    holds!(choices.len() <= 25, "{} suggestions", choices.len());
    for choice in choices {
        sized(choice, "name", 1, 100)?;
        sized(choice, "value", 1, 100)?;
    }
    Ok(())
}

fn modal(data: &Value) -> Result<(), String> {
    sized(data, "custom_id", 1, 100)?;
    sized(data, "title", 1, 45)?;
    let rows = list(&data["components"]);
    holds!((1..=5).contains(&rows.len()), "a form of {} rows", rows.len());
    for input in rows.iter().flat_map(|row| list(&row["components"])) {
        sized(input, "custom_id", 1, 100)?;
        sized(input, "label", 1, 45)?;
        let (least, most) = (input["min_length"].as_u64().unwrap_or(0), input["max_length"].as_u64().unwrap_or(4_000));
        holds!(least <= most && (1..=4_000).contains(&most), "an input of {least} to {most} characters");
        if let Some(text) = input["value"].as_str() {
            let count = text.chars().count() as u64;
            holds!((least..=most).contains(&count), "an input of {least} to {most} holds {count} characters");
        }
    }
    Ok(())
}

fn poll(poll: &Value) -> Result<(), String> {
    sized(&poll["question"], "text", 1, 300)?;
    let answers = list(&poll["answers"]);
    holds!((1..=10).contains(&answers.len()), "a poll of {} answers", answers.len());
    for answer in answers {
        sized(&answer["poll_media"], "text", 1, 55)?;
    }
    let hours = poll["duration"].as_u64().unwrap_or(0);
    holds!((1..=768).contains(&hours), "a poll of {hours} hours");
    Ok(())
}

fn sized<'a>(json: &'a Value, field: &str, least: usize, most: usize) -> Result<&'a str, String> {
    let text = json[field].as_str().ok_or_else(|| format!("no text {field:?} in {json}"))?;
    let count = text.chars().count();
    holds!((least..=most).contains(&count), "{field:?} has {count} characters, not {least} to {most}: {text:?}");
    holds!(least == 0 || !text.trim().is_empty(), "{field:?} is empty to the eye");
    Ok(text)
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use relais_bot::{
        commands::{Button, Menu, Message},
        interactions::response,
    };

    use super::*;

    fn judged(reply: &Reply) -> Result<(), String> {
        within_limits(&serde_json::to_value(response(reply)).unwrap())
    }

    fn with(message: Message) -> Result<(), String> {
        judged(&Reply::Say(Message { content: "x".to_owned(), ..message }))
    }

    #[test]
    fn every_limit_is_seen_from_both_sides() {
        let long = |count: usize| "x".repeat(count);
        assert!(judged(&Reply::private(long(2_000))).is_ok() && judged(&Reply::private(long(2_001))).is_err());
        assert!(judged(&Reply::private(" ")).is_err());
        let choices = |count: usize| Reply::Suggest(vec![(long(1), long(100)); count]);
        assert!(judged(&choices(25)).is_ok() && judged(&choices(26)).is_err());
        assert!(judged(&Reply::Suggest(vec![(long(101), long(1))])).is_err());
        let button = |id: &str, label: String| Button { id: id.to_owned(), label, danger: false };
        let buttons = |buttons| with(Message { buttons, ..Message::default() });
        assert!(buttons(vec![button("a", long(80)), button("b", long(1))]).is_ok());
        assert!(buttons(vec![button("a", long(81))]).is_err());
        assert!(buttons(vec![button("a", long(1)), button("a", long(1))]).is_err());
        let menu = |values: &[&str]| {
            let options = values.iter().map(|value| ((*value).to_owned(), long(1))).collect();
            with(Message { menu: Some(Menu { id: "m".to_owned(), hint: long(1), options }), ..Message::default() })
        };
        assert!(menu(&["a", "b"]).is_ok() && menu(&["a", "a"]).is_err() && menu(&[]).is_err());
    }
}
