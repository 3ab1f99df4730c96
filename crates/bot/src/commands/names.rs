//! Names and descriptions as Discord is told them: English, with the French beside it, both from the locale files.

use serenity::{
    builder::{CreateCommand, CreateCommandOption},
    model::application::CommandOptionType,
};

use crate::language::{FRENCH, Language, say};

/// A command under its texts `id.name` and `id.about`.
pub fn command(id: &str) -> CreateCommand {
    let [name, about] = texts(id);
    CreateCommand::new(&name.0)
        .name_localized(FRENCH, name.1)
        .description(about.0)
        .description_localized(FRENCH, about.1)
}

/// An option or a subcommand under its texts `id.name` and `id.about`.
pub fn option(kind: CommandOptionType, id: &str) -> CreateCommandOption {
    let [name, about] = texts(id);
    CreateCommandOption::new(kind, name.0, about.0)
        .name_localized(FRENCH, name.1)
        .description_localized(FRENCH, about.1)
}

/// A choice of an option: its value, shown as the text `id`.
pub fn choice(option: CreateCommandOption, value: &str, id: &str) -> CreateCommandOption {
    let [english, french] = [Language::English, Language::French].map(|language| say(language, id, &[]));
    option.add_string_choice_localized(english, value, [(FRENCH, french)])
}

/// Name and description, each in English and French.
fn texts(id: &str) -> [(String, String); 2] {
    ["name", "about"].map(|part| {
        let text = |language| say(language, &format!("{id}.{part}"), &[]);
        (text(Language::English), text(Language::French))
    })
}
