//! `/status`: who answers, under which term, since when.

use relais_store::{StateKey, Write};
use serenity::builder::CreateCommand;

use super::{Reply, Request, State};

/// The command's name.
pub const NAME: &str = "status";

/// What Discord is told.
pub fn register() -> CreateCommand {
    CreateCommand::new(NAME).description("Which site answers, and since when")
}

/// Nothing to read.
#[must_use]
pub fn keys(_: &Request) -> Vec<StateKey> {
    Vec::new()
}

/// Site, term, role since, gateway latency.
#[must_use]
pub fn reply(_: &Request, state: &State) -> (Reply, Vec<Write>) {
    let Some(standing) = state.standing else {
        return (Reply::private("The bot does not hold the lease."), Vec::new());
    };
    let latency =
        standing.latency.map_or_else(|| "not measured yet".to_owned(), |latency| format!("{} ms", latency.as_millis()));
    let content = format!(
        "Site: {}\nTerm: {}\nActive: <t:{}:R>\nGateway latency: {latency}",
        standing.site,
        standing.term,
        standing.since.0 / 1000,
    );
    (Reply::private(content), Vec::new())
}
