//! `/remind`: a moment in words, a text, and a button to take it back.

use relais_moment::WhenError;
use relais_store::Write;
use serenity::{builder::CreateCommand, model::application::CommandOptionType};

use super::{
    Ask, Button, Changes, Command, Message, Read, Reply, Request, State, keys, names, reply::shortened, timezone,
};
use crate::{
    language::{Said, code, say},
    reminders::{Reminder, State as Waits, record::Every},
};

/// The row of the table.
pub const COMMAND: Command =
    Command { name: "remind", register, reads, reply, changes: Changes::Own, operators: false };

/// Longest text, characters.
pub const WHAT_MAX: usize = 1000;
/// Most reminders that one user has waiting in one place.
pub const PENDING_MAX: usize = 25;
/// As many as are read: those that failed stay until they are cancelled.
pub(super) const KEPT_MAX: usize = 200;
/// How many moments are offered while nothing is typed.
const EXAMPLES: [&[&str]; 2] = [&["10m", "1h", "18:00", "tomorrow 9:00"], &["10min", "1h", "18h30", "demain 9h"]];

fn register() -> CreateCommand {
    let text = |id: &str| names::option(CommandOptionType::String, id);
    let place = names::choice(text("remind-where"), "here", "remind-where-here");
    let place = names::choice(place, "dm", "remind-where-dm");
    let repeat = names::choice(text("remind-repeat"), "none", "remind-repeat-none");
    let repeat = names::choice(repeat, "daily", "remind-repeat-daily");
    let repeat = names::choice(repeat, "weekly", "remind-repeat-weekly");
    names::command("remind")
        .add_option(text("remind-when").required(true).set_autocomplete(true).min_length(1).max_length(100))
        .add_option(text("remind-what").required(true).min_length(1).max_length(1000))
        .add_option(place)
        .add_option(repeat)
}

fn reads(request: &Request, state: &State) -> Vec<Read> {
    match &request.ask {
        Ask::Press { .. } | Ask::Form { .. } => {
            let (_, id) = request.parts();
            vec![Read::Item(keys::reminder(request.user, &request.place(), id))]
        }
        Ask::Typing { .. } => timezone::reads(request, state),
        Ask::Command(_) => {
            let mine = Read::Under(keys::reminders(request.user, &request.place()), KEPT_MAX);
            [mine].into_iter().chain(timezone::reads(request, state)).collect()
        }
    }
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    match &request.ask {
        Ask::Typing { .. } => (suggested(request, state), Vec::new()),
        Ask::Press { .. } | Ask::Form { .. } => cancelled(request, state),
        Ask::Command(_) => match asked(request, state) {
            Ok(reminder) => (set(request, &reminder), reminder.kept()),
            Err(text) => (Reply::private(text), Vec::new()),
        },
    }
}

/// The reminder that is asked for, or why there is none.
fn asked(request: &Request, state: &State) -> Result<Reminder, String> {
    let refused = |id: &str, most: usize| {
        let most = most.to_string();
        say(request.language, id, &[("most", Said::Text(&most))])
    };
    let zone = timezone::zone_of(request, state);
    let typed = request.option("when").unwrap_or_default();
    let due = relais_moment::parse(typed, request.language, request.now, &zone)
        .map_err(|error| say(request.language, text_of(&error), &[]))?;
    let what = request.option("what").unwrap_or_default().trim();
    if !(1..=WHAT_MAX).contains(&what.chars().count()) {
        return Err(refused("what-empty", WHAT_MAX));
    }
    let mine = keys::reminders(request.user, &request.place());
    let waiting = state.under(&mine).filter_map(Reminder::of);
    if waiting.filter(|reminder| reminder.state == Waits::Pending).count() >= PENDING_MAX {
        return Err(refused("reminders-full", PENDING_MAX));
    }
    let repeat = match request.option("repeat") {
        Some("daily") => Some(Every::Day),
        Some("weekly") => Some(Every::Week),
        _ => None,
    };
    let here = request.guild.is_some() && request.option("where") != Some("dm");
    let (id, place) = (request.interaction, request.place());
    Ok(Reminder {
        channel: here.then_some(request.channel),
        language: code(request.language).to_owned(),
        repeat,
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        ..Reminder::single(id, request.user, place, what, due.as_millisecond())
    })
}

const fn text_of(error: &WhenError) -> &'static str {
    match error {
        WhenError::Unreadable => "when-unreadable",
        WhenError::Past => "when-past",
        WhenError::TooSoon => "when-too-soon",
        WhenError::TooFar => "when-too-far",
    }
}

fn set(request: &Request, reminder: &Reminder) -> Reply {
    let id = match reminder.repeat {
        None => "reminder-set",
        Some(Every::Day) => "reminder-set-daily",
        Some(Every::Week) => "reminder-set-weekly",
    };
    let at = reminder.due_seconds().to_string();
    let cancel = Button {
        id: format!("remind:cancel:{}", reminder.id),
        label: say(request.language, "reminder-cancel", &[]),
        danger: true,
    };
    let content = say(request.language, id, &[("at", Said::Text(&at))]);
    Reply::Say(Message { content, private: true, buttons: vec![cancel], ..Message::default() })
}

fn cancelled(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let (_, id) = request.parts();
    let kept = state.item(&keys::reminder(request.user, &request.place(), id));
    let Some(reminder) = kept.and_then(Reminder::of) else {
        return (Reply::update(say(request.language, "reminder-gone", &[])), Vec::new());
    };
    let what = shortened(&reminder.what, 200);
    let text = say(request.language, "reminder-cancelled", &[("what", Said::Text(&what))]);
    (Reply::update(text), reminder.forgotten())
}

/// What was typed so far with the moment it means, or examples.
fn suggested(request: &Request, state: &State) -> Reply {
    let zone = timezone::zone_of(request, state);
    let meant = |typed: &str| -> Option<(String, String)> {
        let due = relais_moment::parse(typed, request.language, request.now, &zone).ok()?;
        let shown = due.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        Some((typed.to_owned(), shortened(&format!("{typed} · {shown}"), 100)))
    };
    let typed = request.option("when").unwrap_or_default().trim();
    let examples = match request.language {
        crate::language::Language::English => EXAMPLES[0],
        crate::language::Language::French => EXAMPLES[1],
    };
    let mut choices: Vec<_> = (typed.chars().count() <= 100).then(|| meant(typed)).flatten().into_iter().collect();
    if choices.is_empty() {
        choices.extend(examples.iter().filter_map(|example| meant(example)));
    }
    Reply::Suggest(choices)
}
