//! `/timezone`: the zone in which a user's times are read: their own, else their server's, else UTC.

use jiff::{Timestamp, tz::TimeZone};
use relais_store::Write;
use serde_json::json;
use serenity::model::{Permissions, application::CommandOptionType};

use super::{Ask, Button, Changes, Command, Message, Read, Reply, Request, State, keys, names};
use crate::language::{Said, say};

/// The row of the table.
pub const COMMAND: Command =
    Command { name: "timezone", register, reads, reply, changes: Changes::Server, operators: false };

/// How many zones are suggested: the most that Discord shows.
const SUGGESTIONS: usize = 25;

fn register() -> serenity::builder::CreateCommand {
    let zone = names::option(CommandOptionType::String, "timezone-zone").set_autocomplete(true).max_length(64);
    names::command("timezone").add_option(zone)
}

/// What must be read to know a user's zone.
pub(super) fn reads(request: &Request, _: &State) -> Vec<Read> {
    let own = Read::Item(keys::zone(request.user));
    let servers = request.guild.map(|guild| Read::Item(keys::guild_zone(guild)));
    [own].into_iter().chain(servers).collect()
}

/// Where a zone comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    User,
    Guild,
    Default,
}

/// The zone in which this user's times are read.
#[must_use]
pub fn zone_of(request: &Request, state: &State) -> TimeZone {
    effective(request, state).1
}

fn effective(request: &Request, state: &State) -> (Source, TimeZone) {
    let kept = |key| state.text(&key, "zone").and_then(|name| relais_moment::zone(name).ok());
    let of_guild = || request.guild.and_then(|guild| kept(keys::guild_zone(guild)));
    match (kept(keys::zone(request.user)), of_guild()) {
        (Some(zone), _) => (Source::User, zone),
        (None, Some(zone)) => (Source::Guild, zone),
        (None, None) => (Source::Default, TimeZone::UTC),
    }
}

fn reply(request: &Request, state: &State) -> (Reply, Vec<Write>) {
    match &request.ask {
        Ask::Typing { .. } => {
            let names = relais_moment::zones_like(request.option("zone").unwrap_or_default(), SUGGESTIONS);
            let choices = names.into_iter().map(|name| (name.to_owned(), name.to_owned()));
            (Reply::Suggest(choices.collect()), Vec::new())
        }
        Ask::Command(_) => match request.option("zone") {
            None => (Reply::private(shown(request, state)), Vec::new()),
            Some(typed) => chosen(request, typed),
        },
        Ask::Press { .. } | Ask::Form { .. } => for_server(request),
    }
}

fn shown(request: &Request, state: &State) -> String {
    let (source, zone) = effective(request, state);
    let id = match source {
        Source::User => "zone-yours",
        Source::Guild => "zone-server",
        Source::Default => "zone-default",
    };
    told(request, id, &zone)
}

fn told(request: &Request, id: &str, zone: &TimeZone) -> String {
    let (name, time) = (name_of(zone), time_in(zone, request.now));
    say(request.language, id, &[("zone", Said::Text(name)), ("time", Said::Text(&time))])
}

fn name_of(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

fn time_in(zone: &TimeZone, now: Timestamp) -> String {
    now.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string()
}

fn chosen(request: &Request, typed: &str) -> (Reply, Vec<Write>) {
    let Ok(zone) = relais_moment::zone(typed.trim()) else {
        return (Reply::private(unknown(request, typed)), Vec::new());
    };
    let name = name_of(&zone).to_owned();
    let buttons = if request.may(Permissions::MANAGE_GUILD) {
        let label = say(request.language, "zone-for-server", &[]);
        vec![Button { id: format!("timezone:server:{name}"), label, danger: false }]
    } else {
        Vec::new()
    };
    let message = Message { content: told(request, "zone-set", &zone), private: true, buttons, ..Message::default() };
    (Reply::Say(message), vec![Write::Put { key: keys::zone(request.user), value: json!({ "zone": name }) }])
}

fn for_server(request: &Request) -> (Reply, Vec<Write>) {
    let (_, name) = request.parts();
    let (Some(guild), true) = (request.guild, request.may(Permissions::MANAGE_GUILD)) else {
        return (Reply::private(say(request.language, "zone-server-refused", &[])), Vec::new());
    };
    let Ok(zone) = relais_moment::zone(name) else {
        return (Reply::private(unknown(request, name)), Vec::new());
    };
    let name = name_of(&zone);
    let text = say(request.language, "zone-server-set", &[("zone", Said::Text(name))]);
    (Reply::update(text), vec![Write::Put { key: keys::guild_zone(guild), value: json!({ "zone": name }) }])
}

fn unknown(request: &Request, typed: &str) -> String {
    let typed = super::reply::shortened(typed, 64);
    say(request.language, "zone-unknown", &[("zone", Said::Text(&typed))])
}
