//! `/help`: the table, in the user's language.

use relais_store::Write;

use super::{Changes, Command, Read, Reply, Request, State, TABLE, names};
use crate::language::say;

/// The row of the table.
pub const COMMAND: Command = Command {
    name: "help",
    register: || names::command("help"),
    reads,
    reply,
    changes: Changes::Own,
    operators: false,
};

fn reads(_: &Request, _: &State) -> Vec<Read> {
    Vec::new()
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let text = |id: &str| say(request.language, id, &[]);
    let title = text("help-title");
    let open = TABLE.iter().filter(|command| command.is_open_to(request, state));
    let lines = open.map(|command| {
        let part = |part: &str| text(&format!("{}.{part}", command.name));
        format!("**/{}** · {}", part("name"), part("about"))
    });
    let lines: Vec<String> = [title].into_iter().chain(lines).collect();
    (Reply::private(lines.join("\n")), Vec::new())
}
