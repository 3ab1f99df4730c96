//! What Discord knows of the commands: their registration, read back. A new command or option is fuzzed by being there.

use anyhow::{Context as _, ensure};
use relais_bot::registration;
use serde_json::Value;

/// Kinds of options (Discord documentation, application command option type).
const SUB_COMMAND: u64 = 1;
/// A group of subcommands.
const GROUP: u64 = 2;

/// Every way to call a command: one for each subcommand, one for a command without any.
#[derive(Debug)]
pub struct Catalogue {
    /// The names of the commands, each once.
    pub commands: Vec<String>,
    /// The ways.
    pub(crate) ways: Vec<Way>,
}

/// One way to call a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    pub(crate) command: String,
    /// Group and subcommand, each with its kind.
    pub(crate) path: Vec<(u64, String)>,
    pub(crate) options: Vec<Opt>,
}

/// An option.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opt {
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) required: bool,
    pub(crate) suggests: bool,
    pub(crate) choices: Vec<Value>,
    pub(crate) least: Option<i64>,
    pub(crate) most: Option<i64>,
}

impl Catalogue {
    /// Of the bot's own table.
    ///
    /// # Errors
    /// The table is not what a registration is.
    pub fn of_bot() -> anyhow::Result<Self> {
        Self::of(&registration::table(true).context("read the table of commands")?)
    }

    fn of(table: &Value) -> anyhow::Result<Self> {
        let (mut commands, mut ways) = (Vec::new(), Vec::new());
        for command in items(table) {
            let name = command["name"].as_str().context("a command without a name")?;
            commands.push(name.to_owned());
            collect(name, &[], command, &mut ways);
        }
        ensure!(!commands.is_empty(), "a table without commands");
        Ok(Self { commands, ways })
    }

    /// Whether somebody can type into an option of the command and see suggestions.
    #[must_use]
    pub fn suggests(&self, command: &str) -> bool {
        self.ways.iter().any(|way| way.command == command && way.options.iter().any(|option| option.suggests))
    }
}

fn collect(command: &str, path: &[(u64, String)], node: &Value, ways: &mut Vec<Way>) {
    let (deeper, options): (Vec<&Value>, Vec<&Value>) =
        items(&node["options"]).partition(|option| matches!(option["type"].as_u64(), Some(SUB_COMMAND | GROUP)));
    for sub in &deeper {
        let step = (sub["type"].as_u64().unwrap_or(SUB_COMMAND), text(&sub["name"]));
        let path: Vec<_> = path.iter().cloned().chain([step]).collect();
        collect(command, &path, sub, ways);
    }
    if deeper.is_empty() {
        let options = options.into_iter().map(option).collect();
        ways.push(Way { command: command.to_owned(), path: path.to_vec(), options });
    }
}

fn option(json: &Value) -> Opt {
    Opt {
        name: text(&json["name"]),
        kind: json["type"].as_u64().unwrap_or_default(),
        required: json["required"] == true,
        suggests: json["autocomplete"] == true,
        choices: items(&json["choices"]).map(|choice| choice["value"].clone()).collect(),
        least: json["min_length"].as_i64().or(json["min_value"].as_i64()),
        most: json["max_length"].as_i64().or(json["max_value"].as_i64()),
    }
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn items(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_with_subcommands_is_as_many_ways() {
        let name = json!({ "type": 3, "name": "name", "required": true, "autocomplete": true, "max_length": 32 });
        let group = json!({ "type": 2, "name": "more", "options": [{ "type": 1, "name": "list" }] });
        let table = json!([{ "name": "tag", "options": [{ "type": 1, "name": "get", "options": [name] }, group] }]);
        let found = Catalogue::of(&table).unwrap();
        let paths: Vec<Vec<&str>> =
            found.ways.iter().map(|way| way.path.iter().map(|(_, name)| name.as_str()).collect()).collect();
        assert_eq!(paths, [vec!["get"], vec!["more", "list"]]);
        assert!(found.suggests("tag") && found.ways[0].options[0].most == Some(32));
    }

    #[test]
    fn every_row_of_the_table_is_in_it() {
        let found = Catalogue::of_bot().unwrap();
        assert_eq!(found.commands.len(), relais_bot::commands::TABLE.len());
        assert!(found.commands.iter().all(|name| found.ways.iter().any(|way| way.command == *name)));
    }
}
