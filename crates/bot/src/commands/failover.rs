//! `/failover`, for operators: how the bot moved, and the override that every site and the watchdog heed
//! (docs/protocol.md, records: control).
//!
//! Deliberately absent: a move by itself. The override is a wish; whether the lease moves is decided by the protocol, so a
//! site that is not well gets nothing by it.

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use relais_failover::{ControlMode, ControlRecord, EventKind, EventRecord, Site, WallClock, wire};
use relais_store::Write;
use serenity::{
    builder::CreateCommandOption,
    model::{Permissions, application::CommandOptionType, application::InteractionContext},
};

use super::{Ask, Button, Changes, Command, Message, Read, Reply, Request, State, names, reply::shortened};
use crate::language::{Language, Said, say};

/// The row of the table.
pub const COMMAND: Command =
    Command { name: "failover", register, reads, reply, changes: Changes::Control, operators: true };

/// How many moves are shown.
const MOVES: usize = 10;
/// How long an override may last, hours: one that is forgotten ends by itself.
const HOURS: RangeInclusive<u16> = 1..=72;
/// Longest reason, characters: it waits for the confirmation in a button's id, which has 100.
const REASON_MAX: u16 = 60;

fn register() -> serenity::builder::CreateCommand {
    let sub = |id: &str| names::option(CommandOptionType::SubCommand, id);
    let hours = || {
        let option = names::option(CommandOptionType::Integer, "failover-hours");
        option.min_int_value(u64::from(*HOURS.start())).max_int_value(u64::from(*HOURS.end())).required(true)
    };
    let reason = || names::option(CommandOptionType::String, "failover-reason").max_length(REASON_MAX);
    let to = names::option(CommandOptionType::String, "failover-to").required(true);
    let to = names::choice(to, Site::Laptop.as_str(), "failover-to-laptop");
    let to: CreateCommandOption = names::choice(to, Site::Cloud.as_str(), "failover-to-cloud");
    names::command("failover")
        .default_member_permissions(Permissions::MANAGE_GUILD)
        .contexts(vec![InteractionContext::Guild])
        .add_option(sub("failover-history"))
        .add_option(sub("failover-move").add_sub_option(to).add_sub_option(hours()).add_sub_option(reason()))
        .add_option(sub("failover-maintenance").add_sub_option(hours()).add_sub_option(reason()))
        .add_option(sub("failover-auto"))
}

fn reads(request: &Request, _: &State) -> Vec<Read> {
    let history = (request.subcommand() == "history").then_some(Read::History(MOVES));
    [Read::Control].into_iter().chain(history).collect()
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let said = |id: &str| say(request.language, id, &[]);
    match &request.ask {
        Ask::Command(_) => match request.subcommand() {
            "history" => (Reply::private(history(request, state)), Vec::new()),
            "auto" => automatic(request, state),
            _ => (asked(request, state), Vec::new()),
        },
        Ask::Press { .. } => match Wish::of_button(request.parts()) {
            Some(wish) => set(request, &wish),
            None => (Reply::update(said("failover-left")), Vec::new()),
        },
        Ask::Typing { .. } | Ask::Form { .. } => (Reply::private(said("failover-left")), Vec::new()),
    }
}

/// What an operator asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    mode: ControlMode,
    hours: u16,
    reason: String,
}

impl Wish {
    /// What was filled in; else the text that says what is wrong.
    fn of_command(request: &Request) -> Result<Self, &'static str> {
        let mode = match (request.subcommand(), request.option("to")) {
            ("maintenance", _) => ControlMode::Maintenance,
            ("move", Some("cloud")) => ControlMode::ForceCloud,
            ("move", Some("laptop")) => ControlMode::ForceLaptop,
            _ => return Err("failover-to-bad"),
        };
        let hours = request.option("hours").and_then(hours).ok_or("failover-hours-bad")?;
        let reason = request.option("reason").unwrap_or_default().trim();
        if is_long(reason) {
            return Err("failover-reason-bad");
        }
        Ok(Self { mode, hours, reason: reason.to_owned() })
    }

    /// What the button of a confirmation carries: the verb, and behind it the hours and the reason.
    fn of_button((verb, rest): (&str, &str)) -> Option<Self> {
        let mode = match verb {
            "cloud" => ControlMode::ForceCloud,
            "laptop" => ControlMode::ForceLaptop,
            "maintenance" => ControlMode::Maintenance,
            _ => return None,
        };
        let (number, reason) = rest.split_once(':').filter(|(_, reason)| !is_long(reason))?;
        Some(Self { mode, hours: hours(number)?, reason: reason.to_owned() })
    }

    fn button(&self) -> String {
        let verb = match self.mode {
            ControlMode::ForceCloud => "cloud",
            ControlMode::ForceLaptop => "laptop",
            ControlMode::Maintenance => "maintenance",
            ControlMode::Auto => "auto",
        };
        format!("failover:{verb}:{}:{}", self.hours, self.reason)
    }

    fn record(&self, request: &Request) -> ControlRecord {
        let end = request.now.saturating_add(SignedDuration::from_hours(i64::from(self.hours))).unwrap_or(request.now);
        let until = WallClock(u64::try_from(end.as_millisecond()).unwrap_or(0));
        let reason = self.reason.clone();
        ControlRecord { schema: wire::SCHEMA, mode: self.mode, until, reason, by: Some(request.user) }
    }
}

fn is_long(reason: &str) -> bool {
    reason.chars().count() > usize::from(REASON_MAX)
}

fn hours(text: &str) -> Option<u16> {
    text.parse().ok().filter(|hours| HOURS.contains(hours))
}

/// Says what it would mean, and asks.
fn asked(request: &Request, state: &State) -> Reply {
    let language = request.language;
    let wish = match Wish::of_command(request) {
        Ok(wish) => wish,
        Err(id) => {
            let (most, longest) = (u64::from(*HOURS.end()), u64::from(REASON_MAX));
            return Reply::private(match id {
                "failover-hours-bad" => say(language, "failover-hours-bad", &[("most", Said::Count(most))]),
                "failover-reason-bad" => say(language, "failover-reason-bad", &[("most", Said::Count(longest))]),
                _ => say(language, "failover-to-bad", &[]),
            });
        }
    };
    let with = [("hours", Said::Count(u64::from(wish.hours)))];
    let means = match wish.mode {
        ControlMode::ForceCloud => say(language, "failover-sure-cloud", &with),
        ControlMode::ForceLaptop => say(language, "failover-sure-laptop", &with),
        ControlMode::Maintenance | ControlMode::Auto => say(language, "failover-sure-maintenance", &with),
    };
    let replaced = in_force(request, state)
        .map(|record| say(language, "failover-replaces", &[("control", Said::Text(&told(language, record)))]));
    let content = [Some(means), replaced].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let button = |id: String, text: &str, danger| Button { id, label: say(language, text, &[]), danger };
    let buttons =
        vec![button(wish.button(), "failover-do", true), button("failover:leave".to_owned(), "failover-leave", false)];
    Reply::Say(Message { content, private: true, buttons, ..Message::default() })
}

fn set(request: &Request, wish: &Wish) -> (Reply, Vec<Write>) {
    let record = wish.record(request);
    let control = told(request.language, &record);
    let text = say(request.language, "failover-set", &[("control", Said::Text(&control))]);
    (Reply::update(text), vec![Write::Control(record)])
}

fn automatic(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    let language = request.language;
    let Some(record) = in_force(request, state) else {
        return (Reply::private(say(language, "failover-nothing", &[])), Vec::new());
    };
    let control = told(language, record);
    let text = say(language, "failover-taken-back", &[("control", Said::Text(&control))]);
    let (mode, until) = (ControlMode::Auto, WallClock(0));
    let record = ControlRecord { schema: wire::SCHEMA, mode, until, reason: String::new(), by: Some(request.user) };
    (Reply::private(text), vec![Write::Control(record)])
}

/// The override that is in force now.
fn in_force<'a>(request: &Request, state: &'a State) -> Option<&'a ControlRecord> {
    let wall = WallClock(u64::try_from(request.now.as_millisecond()).unwrap_or(0));
    let record = state.control.as_ref();
    record.filter(|record| ControlRecord::mode_at(Some(record), wall) != ControlMode::Auto)
}

/// An override in words: what, until when, who asked for it and why.
fn told(language: Language, record: &ControlRecord) -> String {
    let until = (record.until.0 / 1000).to_string();
    let with = |site: Site| [("site", Said::Text(site.as_str())), ("until", Said::Text(&until))];
    let what = match record.mode {
        ControlMode::ForceCloud => say(language, "failover-control-move", &with(Site::Cloud)),
        ControlMode::ForceLaptop => say(language, "failover-control-move", &with(Site::Laptop)),
        ControlMode::Maintenance | ControlMode::Auto => {
            say(language, "failover-control-maintenance", &[("until", Said::Text(&until))])
        }
    };
    let by = record.by.map(|user| {
        let user = user.to_string();
        say(language, "failover-by", &[("user", Said::Text(&user))])
    });
    // An override that was written into the store by hand may say as much as it likes.
    let reason = (!record.reason.is_empty()).then(|| shortened(&record.reason, usize::from(REASON_MAX)));
    let why = reason.map(|reason| say(language, "failover-because", &[("reason", Said::Text(&reason))]));
    [Some(what), by, why].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn history(request: &Request, state: &State) -> String {
    let language = request.language;
    let control = match in_force(request, state) {
        Some(record) => told(language, record),
        None => say(language, "failover-control-auto", &[]),
    };
    let now = match state.standing {
        Some(standing) => {
            let (term, since) = (standing.term.to_string(), (standing.since.0 / 1000).to_string());
            let site = Said::Text(standing.site.as_str());
            let with = [("site", site), ("term", Said::Text(&term)), ("since", Said::Text(&since))];
            say(language, "failover-now", &with)
        }
        None => say(language, "status-none", &[]),
    };
    let moves = state.history.iter().take(MOVES).map(|event| moved(language, event));
    let moves: Vec<String> = moves.collect();
    let moves = if moves.is_empty() { say(language, "status-no-moves", &[]) } else { moves.join("\n") };
    let (control, moves) = (Said::Text(&control), Said::Text(&moves));
    let rest = say(language, "failover-text", &[("control", control), ("moves", moves)]);
    format!("{now}\n{rest}")
}

fn moved(language: Language, event: &EventRecord) -> String {
    let (at, term) = ((event.at.0 / 1000).to_string(), event.term.to_string());
    let with = [("site", Said::Text(event.site.as_str())), ("at", Said::Text(&at)), ("term", Said::Text(&term))];
    match event.kind {
        EventKind::HandedOver => say(language, "failover-handed-over", &with),
        EventKind::TakenOver => say(language, "failover-taken-over", &with),
    }
}
