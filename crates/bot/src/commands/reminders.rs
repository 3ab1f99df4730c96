//! `/reminders`: what waits here, what could not be delivered, and a menu to cancel.

use relais_store::Write;

use super::{Ask, Changes, Command, Menu, Message, Read, Reply, Request, State, keys, names, remind, reply::shortened};
use crate::{
    language::{Said, say},
    reminders::{Reminder, State as Waits, record::Every},
};

/// The row of the table.
pub const COMMAND: Command = Command {
    name: "reminders",
    register: || names::command("reminders"),
    reads,
    reply,
    changes: Changes::Own,
    operators: false,
};

/// How many are shown, which is also the most that a menu has.
const SHOWN: usize = 25;
/// How much of each text is shown, characters: 25 lines fit into one message.
const LINE: usize = 40;

fn reads(request: &Request, _: &State) -> Vec<Read> {
    vec![Read::Under(keys::reminders(request.user, &request.place()), remind::KEPT_MAX)]
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let mine = keys::reminders(request.user, &request.place());
    let mut all: Vec<Reminder> = state.under(&mine).filter_map(Reminder::of).collect();
    all.sort_by_key(|reminder| (reminder.due_ms, reminder.id.clone()));
    match &request.ask {
        Ask::Press { chosen, .. } => {
            let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(|reminder| chosen.contains(&reminder.id));
            let writes = gone.iter().flat_map(Reminder::forgotten).collect();
            (Reply::Update(list(request, &left)), writes)
        }
        Ask::Command(_) | Ask::Typing { .. } | Ask::Form { .. } => (Reply::Say(list(request, &all)), Vec::new()),
    }
}

fn list(request: &Request, all: &[Reminder]) -> Message {
    if all.is_empty() {
        let content = say(request.language, "reminders-none", &[]);
        return Message { content, private: true, ..Message::default() };
    }
    let title = say(request.language, "reminders-title", &[("count", Said::Count(all.len() as u64))]);
    let shown = &all[..all.len().min(SHOWN)];
    let lines = shown.iter().map(|reminder| line(request, reminder));
    let content = [title].into_iter().chain(lines).collect::<Vec<_>>().join("\n");
    let menu = Menu {
        id: "reminders:cancel".to_owned(),
        hint: say(request.language, "reminders-menu", &[]),
        options: shown.iter().map(|reminder| (reminder.id.clone(), shortened(&tidy(&reminder.what), 100))).collect(),
    };
    Message { content, private: true, menu: Some(menu), ..Message::default() }
}

fn line(request: &Request, reminder: &Reminder) -> String {
    let id = match (reminder.state, reminder.repeat) {
        (Waits::Failed, _) => "reminders-line-failed",
        (Waits::Expired, _) => "reminders-line-expired",
        (Waits::Pending, None) => "reminders-line",
        (Waits::Pending, Some(Every::Day)) => "reminders-line-daily",
        (Waits::Pending, Some(Every::Week)) => "reminders-line-weekly",
    };
    let (at, what) = (reminder.due_seconds().to_string(), shortened(&tidy(&reminder.what), LINE));
    say(request.language, id, &[("at", Said::Text(&at)), ("what", Said::Text(&what))])
}

/// One line of it.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
