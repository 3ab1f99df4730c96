//! The rules of commands that Discord's document misses: names, descriptions, order, languages, totals.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use super::{
    Fault,
    fields::{self, items},
};

/// Commands an application may have at one scope.
const COMMANDS: usize = 100;
/// Characters of names, descriptions and values in one command.
const CHARACTERS: usize = 8000;
/// Options of a command, choices of an option.
const OPTIONS: usize = 25;

/// Discord's languages.
const LOCALES: &[&str] = &[
    "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR",
    "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko",
];

/// What a slash command's and an option's name may be made of. Source: Discord's naming rules.
#[expect(clippy::expect_used, reason = "the pattern is a constant that the tests of this file compile")]
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$").expect("a constant pattern that compiles")
});

/// A bulk overwrite.
pub(super) fn all(body: &Value, faults: &mut Vec<Fault>) {
    if items(body).filter(|command| command["type"].as_u64().unwrap_or(1) == 1).count() > COMMANDS {
        faults.push(Fault::refused(format!("more than {COMMANDS} commands")));
    }
    let mut seen = HashSet::new();
    for (i, command) in items(body).enumerate() {
        one(command, &format!("/{i}"), faults);
        if !seen.insert((command["type"].as_u64().unwrap_or(1), command["name"].as_str())) {
            faults.push(Fault::refused(format!("/{i}: a second command of this name")));
        }
    }
}

/// A whole command.
pub(super) fn one(command: &Value, at: &str, faults: &mut Vec<Fault>) {
    if command["name"].as_str().is_none() {
        faults.push(Fault::refused(format!("{at}: no name")));
    }
    let slash = command["type"].as_u64().unwrap_or(1) == 1;
    if slash {
        described(command, at, faults);
    } else if command["description"].as_str().is_some_and(|text| !text.is_empty()) {
        faults.push(Fault::refused(format!("{at}: only slash commands have a description")));
    }
    checked(command, slash, at, faults);
}

/// A partial change of a command: what is there must be right.
pub(super) fn edited(command: &Value, faults: &mut Vec<Fault>) {
    if command["description"].as_str() == Some("") {
        faults.push(Fault::refused("/description is empty"));
    }
    let slash = command["type"].as_u64().unwrap_or(1) == 1;
    checked(command, slash, "", faults);
}

fn checked(command: &Value, slash: bool, at: &str, faults: &mut Vec<Fault>) {
    fields::only(command, fields::COMMAND, at, faults);
    languages(command, slash, at, faults);
    options(&command["options"], at, faults);
    if characters(command) > CHARACTERS {
        faults.push(Fault::refused(format!("{at}: more than {CHARACTERS} characters in one command")));
    }
}

/// Name and translations.
fn languages(thing: &Value, slash: bool, at: &str, faults: &mut Vec<Fault>) {
    if let Some(name) = thing["name"].as_str() {
        self::name(name, slash, &format!("{at}/name"), faults);
    }
    for key in ["name_localizations", "description_localizations"] {
        for (locale, text) in thing[key].as_object().into_iter().flatten() {
            if !LOCALES.contains(&locale.as_str()) {
                faults.push(Fault::refused(format!("{at}/{key}: unknown locale {locale}")));
            }
            if let (true, Some(text)) = (key == "name_localizations", text.as_str()) {
                name(text, slash, &format!("{at}/{key}/{locale}"), faults);
            }
        }
    }
}

fn name(name: &str, slash: bool, at: &str, faults: &mut Vec<Fault>) {
    if slash && !NAME.is_match(name) {
        faults.push(Fault::refused(format!("{at}: {name:?} has a character no name may have, or a wrong length")));
    }
    if slash && name.to_lowercase() != name {
        faults.push(Fault::refused(format!("{at}: {name:?} is not lower case")));
    }
    if !slash && !(1..=32).contains(&name.chars().count()) {
        faults.push(Fault::refused(format!("{at}: {name:?} has a wrong length")));
    }
}

fn described(thing: &Value, at: &str, faults: &mut Vec<Fault>) {
    match thing["description"].as_str() {
        None => faults.push(Fault::refused(format!("{at}: no description"))),
        Some("") => faults.push(Fault::refused(format!("{at}/description is empty"))),
        Some(text) if text.chars().count() > 100 => {
            faults.push(Fault::refused(format!("{at}/description is longer than 100")));
        }
        Some(_) => {}
    }
}

fn options(options: &Value, at: &str, faults: &mut Vec<Fault>) {
    if items(options).count() > OPTIONS {
        faults.push(Fault::refused(format!("{at}/options: more than {OPTIONS}")));
    }
    let mut optional_seen = false;
    let mut names = HashSet::new();
    for (i, option) in items(options).enumerate() {
        let at = format!("{at}/options/{i}");
        fields::only(option, fields::OPTION, &at, faults);
        described(option, &at, faults);
        languages(option, true, &at, faults);
        if !names.insert(option["name"].as_str()) {
            faults.push(Fault::refused(format!("{at}: a second option of this name")));
        }
        let required = option["required"].as_bool().unwrap_or(false);
        if required && optional_seen {
            faults.push(Fault::refused(format!("{at}: required after an optional one")));
        }
        // Subcommands are neither: they are chosen, not filled in.
        optional_seen |= !required && !matches!(option["type"].as_u64(), Some(1 | 2));
        let choices = items(&option["choices"]).count();
        if option["autocomplete"].as_bool() == Some(true) && choices > 0 {
            faults.push(Fault::refused(format!("{at}: autocomplete and choices together")));
        }
        if choices > OPTIONS {
            faults.push(Fault::refused(format!("{at}/choices: more than {OPTIONS}")));
        }
        for (c, choice) in items(&option["choices"]).enumerate() {
            let at = format!("{at}/choices/{c}");
            fields::only(choice, fields::CHOICE, &at, faults);
            for locale in choice["name_localizations"].as_object().into_iter().flat_map(|names| names.keys()) {
                if !LOCALES.contains(&locale.as_str()) {
                    faults.push(Fault::refused(format!("{at}: unknown locale {locale}")));
                }
            }
        }
        self::options(&option["options"], &at, faults);
    }
}

/// Characters Discord counts: the longest translation of each name and description, and the choices' values.
fn characters(thing: &Value) -> usize {
    let longest = |key: &str| {
        let own = thing[key].as_str().map_or(0, |text| text.chars().count());
        let translated = thing[format!("{key}_localizations")].as_object().into_iter().flatten();
        translated.filter_map(|(_, text)| Some(text.as_str()?.chars().count())).fold(own, usize::max)
    };
    let value = thing["value"].as_str().map_or(0, |text| text.chars().count());
    let inner = items(&thing["options"]).chain(items(&thing["choices"])).map(characters).sum::<usize>();
    longest("name") + longest("description") + value + inner
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(command: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        one(command, "", &mut faults);
        faults.into_iter().map(|fault| fault.text).collect()
    }

    fn complains(command: Value, about: &str) {
        let faults = faults_of(&command);
        assert!(faults.iter().any(|fault| fault.contains(about)), "{about}: {faults:?}");
    }

    #[test]
    fn a_good_command_in_two_languages_passes() {
        let command = json!({
            "name": "remind", "name_localizations": {"fr": "état-mémo"}, "description": "Remind me", "type": 1,
            "options": [
                {"type": 3, "name": "when", "description": "When", "required": true, "autocomplete": true},
                {"type": 3, "name": "where", "description": "Where", "choices": [{"name": "Here", "value": "here"}]},
            ],
        });
        assert_eq!(faults_of(&command), Vec::<String>::new());
    }

    #[test]
    fn names_are_lower_case_words() {
        complains(json!({"name": "Remind", "description": "d"}), "not lower case");
        complains(json!({"name": "remind me", "description": "d"}), "no name may have");
        complains(json!({"name": "a", "description": "d", "name_localizations": {"fr": "État"}}), "not lower case");
        complains(json!({"name": "x".repeat(33), "description": "d"}), "wrong length");
    }

    #[test]
    fn descriptions_are_there_and_say_something() {
        complains(json!({"name": "a"}), "no description");
        complains(json!({"name": "a", "description": ""}), "is empty");
        complains(json!({"name": "a", "description": "x".repeat(101)}), "longer than 100");
    }

    #[test]
    fn required_options_come_first() {
        let options = json!([
            {"type": 3, "name": "a", "description": "d"},
            {"type": 3, "name": "b", "description": "d", "required": true},
        ]);
        complains(json!({"name": "a", "description": "d", "options": options}), "required after");
    }

    #[test]
    fn locales_are_discord_s() {
        complains(json!({"name": "a", "description": "d", "name_localizations": {"fr-FR": "b"}}), "unknown locale");
    }

    #[test]
    fn autocomplete_excludes_choices() {
        let option = json!({
            "type": 3, "name": "a", "description": "d", "autocomplete": true, "choices": [{"name": "a", "value": "a"}],
        });
        complains(json!({"name": "a", "description": "d", "options": [option]}), "autocomplete and choices");
    }

    #[test]
    fn unknown_fields_and_too_many_commands_are_seen() {
        complains(json!({"name": "a", "description": "d", "descriptoin": "d"}), "unknown field");
        let many: Vec<Value> = (0..101).map(|i| json!({"name": format!("c{i}"), "description": "d"})).collect();
        let mut faults = Vec::new();
        all(&Value::from(many), &mut faults);
        assert_eq!(faults, [Fault::refused("more than 100 commands")]);
    }

    #[test]
    fn a_command_has_at_most_8000_characters() {
        let choices: Vec<Value> =
            (0..25).map(|i| json!({"name": format!("{i:0>100}"), "value": format!("{i:0>100}")})).collect();
        let option = |name: &str| json!({"type": 3, "name": name, "description": "d", "choices": choices});
        let command = json!({"name": "a", "description": "d", "options": [option("a"), option("b")]});
        complains(command, "8000");
    }
}
