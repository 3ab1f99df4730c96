//! `/status`: who answers, under which term, since when, and how the bot moved lately.

use relais_failover::{EventKind, EventRecord};
use relais_store::Write;

use super::{Changes, Command, Read, Reply, Request, State, names};
use crate::{
    language::{Language, Said, say},
    reminders::OUTBOX,
};

/// The row of the table.
pub const COMMAND: Command = Command {
    name: "status",
    register: || names::command("status"),
    reads,
    reply,
    changes: Changes::Own,
    operators: false,
};

/// How many moves are shown.
const MOVES: usize = 3;

/// Up to how many pending reminders are counted.
const COUNTED: usize = 1000;

fn reads(_: &Request, _: &State) -> Vec<Read> {
    vec![Read::History(MOVES), Read::Under(OUTBOX.to_owned(), COUNTED)]
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let language = request.language;
    let Some(standing) = state.standing else {
        return (Reply::private(say(language, "status-none", &[])), Vec::new());
    };
    let latency = match standing.latency {
        Some(latency) => {
            let millis = latency.as_millis().to_string();
            say(language, "status-latency", &[("millis", Said::Text(&millis))])
        }
        None => say(language, "status-no-latency", &[]),
    };
    let count = state.under(OUTBOX).count();
    let pending = if count < COUNTED { count.to_string() } else { format!("{COUNTED}+") };
    let moves: Vec<String> = state.history.iter().take(MOVES).map(|event| moved(language, event)).collect();
    let moves = if moves.is_empty() { say(language, "status-no-moves", &[]) } else { moves.join(", ") };
    let (term, since) = (standing.term.to_string(), (standing.since.0 / 1000).to_string());
    let text = say(
        language,
        "status-text",
        &[
            ("site", Said::Text(standing.site.as_str())),
            ("term", Said::Text(&term)),
            ("since", Said::Text(&since)),
            ("latency", Said::Text(&latency)),
            ("pending", Said::Text(&pending)),
            ("moves", Said::Text(&moves)),
        ],
    );
    (Reply::private(text), Vec::new())
}

fn moved(language: Language, event: &EventRecord) -> String {
    let at = (event.at.0 / 1000).to_string();
    let with = [("site", Said::Text(event.site.as_str())), ("at", Said::Text(&at))];
    match event.kind {
        EventKind::HandedOver => say(language, "status-handed-over", &with),
        EventKind::TakenOver => say(language, "status-taken-over", &with),
    }
}
