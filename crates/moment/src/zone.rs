//! Time zones by their IANA names, from the database inside the program: the same on every machine.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::tokens::folded;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Every name in the database that somebody may live under.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = DATABASE.available().map(|name| name.to_string());
    names.filter(|name| name == "UTC" || name.contains('/')).collect()
});

/// What is offered to who has typed nothing.
const COMMON: [&str; 8] = [
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "Europe/Brussels",
    "America/New_York",
    "America/Los_Angeles",
    "America/Toronto",
    "Asia/Tokyo",
];

/// A name that is no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone called {0:?}")]
pub struct ZoneError(pub String);

/// The zone of an IANA name, in any case; [`TimeZone::iana_name`] gives it back as the database spells it.
///
/// # Errors
/// [`ZoneError`] for everything else: abbreviations, offsets, rules, paths.
pub fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    let unknown = || ZoneError(name.to_owned());
    let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)).ok_or_else(unknown)?;
    DATABASE.get(known).map_err(|_| unknown())
}

/// Names that fit what was typed so far, the best first, at most `limit`: those whose city begins so, then those that
/// begin so, then those that have it anywhere; among equals the common ones, then by the alphabet. Accents and case make
/// no difference.
#[must_use]
pub fn zones_like(typed: &str, limit: usize) -> Vec<&'static str> {
    let plain = |text: &str| text.chars().flat_map(folded).collect::<String>().replace('-', " ");
    let typed = plain(typed.trim());
    if typed.is_empty() {
        return COMMON.into_iter().take(limit).collect();
    }
    let rank = |name: &str| {
        let name = plain(name);
        let city = name.rsplit('/').next().unwrap_or_default();
        match () {
            () if city == typed || name == typed => Some(0),
            () if city.starts_with(&typed) => Some(1),
            () if name.starts_with(&typed) => Some(2),
            () if name.contains(&typed) => Some(3),
            () => None,
        }
    };
    let rare = |name: &str| !COMMON.contains(&name);
    let mut found: Vec<(i32, bool, &'static str)> =
        NAMES.iter().filter_map(|name| rank(name).map(|rank| (rank, rare(name), name.as_str()))).collect();
    found.sort_unstable();
    found.into_iter().take(limit).map(|(_, _, name)| name).collect()
}
