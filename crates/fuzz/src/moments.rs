//! The reader of times: the words of both languages in any order, any text, any zone, any now, and what repeats of it.

mod repeats;
mod rules;
mod writing;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::{prelude::*, sample::Index};
use relais_moment::{Language, Repeat, WhenError, parse, zone, zones_like};

use crate::{tally::Tally, texts::any_text};

/// How a text may end; a run that never saw one of them tried too little.
pub const ENDS: &[&str] = &[
    "read, and met its rules",
    "unreadable",
    "in the past",
    "too soon",
    "too far",
    "a time of day that the clock skips",
    "a time of day that the clock shows twice",
];

/// Zones with something odd about them: days that were lost, half hours, the farthest east, changes around midnight.
const ODD_ZONES: &[&str] = &[
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Antarctica/Troll",
    "America/Nuuk",
    "Asia/Manila",
    "America/Asuncion",
    "Africa/Monrovia",
    "Europe/Dublin",
    "Pacific/Kwajalein",
];

/// Every zone that users can choose.
pub struct Zones {
    all: Vec<TimeZone>,
    odd: Vec<TimeZone>,
}

impl Default for Zones {
    fn default() -> Self {
        Self::new()
    }
}

impl Zones {
    /// From the database inside the program.
    #[must_use]
    pub fn new() -> Self {
        let named = |name: &&str| zone(name).ok();
        let names = ["a", "e", "i", "o", "u", "utc"].into_iter().flat_map(|letter| zones_like(letter, 10_000));
        let all = names.collect::<std::collections::BTreeSet<_>>();
        Self { all: all.iter().filter_map(named).collect(), odd: ODD_ZONES.iter().filter_map(named).collect() }
    }

    fn pick(&self, odd: bool, index: &Index) -> &TimeZone {
        let list = if odd { &self.odd } else { &self.all };
        list.get(index.index(list.len().max(1))).unwrap_or(&self.odd[0])
    }
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    pub(crate) text: writing::Written,
    pub(crate) french: bool,
    odd_zone: bool,
    zone: Index,
    now: Now,
    /// From when the next occurrence is looked for, seconds after the first.
    after: i64,
    weekly: bool,
    typed: String,
}

/// When it is.
#[derive(Debug, Clone)]
enum Now {
    At(i64, i32),
    /// So many seconds after the zone's first change of the clock from then on.
    AroundChange(i64, i64),
}

/// Any case.
pub fn cases() -> impl Strategy<Value = Case> {
    let now = prop_oneof![
        6 => (1_700_000_000_i64..2_000_000_000, 0..1_000_000_000_i32).prop_map(|(second, nano)| Now::At(second, nano)),
        3 => (1_200_000_000_i64..1_900_000_000, -90_000..90_000_i64).prop_map(|(from, by)| Now::AroundChange(from, by)),
        // Apia's 30 December 2011, which never was.
        1 => (1_325_100_000_i64..1_325_400_000).prop_map(|second| Now::At(second, 0)),
        1 => prop::sample::select(&[i64::MIN, i64::MAX, -1, 0][..]).prop_map(|second| Now::At(second, 0)),
        1 => (-377_705_023_201_i64..253_402_207_200).prop_map(|second| Now::At(second, 999_999_999)),
    ];
    let after = prop_oneof![4 => -90_000..100_000_000_i64, 1 => any::<i64>()];
    let zone = (prop::bool::weighted(0.6), any::<Index>());
    (writing::texts(), any::<bool>(), zone, now, after, any::<bool>(), any_text()).prop_map(
        |(text, french, (odd_zone, zone), now, after, weekly, typed)| Case {
            text,
            french,
            odd_zone,
            zone,
            now,
            after,
            weekly,
            typed,
        },
    )
}

impl Now {
    fn of(&self, zone: &TimeZone) -> Timestamp {
        let at = |second: i64, nano: i32| {
            let second = second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second() - 1);
            Timestamp::new(second, nano).unwrap_or_default()
        };
        match self {
            Self::At(second, nano) => at(*second, *nano),
            Self::AroundChange(from, by) => {
                let change = zone.following(at(*from, 0)).next();
                let change = change.map_or_else(|| at(*from, 0), |change| change.timestamp());
                change.checked_add(SignedDuration::from_secs(*by)).unwrap_or(change)
            }
        }
    }
}

/// Reads a case's text and judges what comes out, and what repeats of it.
///
/// # Errors
/// The first rule that is broken, in words.
pub fn play(case: &Case, zones: &Zones, tally: &mut Tally) -> Result<(), String> {
    tally.cases += 1;
    let zone = zones.pick(case.odd_zone, &case.zone);
    let now = case.now.of(zone);
    let language = if case.french { Language::French } else { Language::English };
    let told = |fault: String| {
        let (name, text) = (zone.iana_name().unwrap_or("?"), case.text.text());
        format!("{fault}\n  {text:?} in {language:?}, {name}, now {now}")
    };
    let read = parse(case.text.text(), language, now, zone);
    rules::of_text(&case.text, language, now, zone, read, tally).map_err(told)?;
    tally.note(match read {
        Ok(_) => ENDS[0],
        Err(WhenError::Unreadable) => ENDS[1],
        Err(WhenError::Past) => ENDS[2],
        Err(WhenError::TooSoon) => ENDS[3],
        Err(WhenError::TooFar) => ENDS[4],
    });
    let repeat = if case.weekly { Repeat::Weekly } else { Repeat::Daily };
    let first = read.unwrap_or(now);
    let after = first.checked_add(SignedDuration::from_secs(case.after)).unwrap_or(now);
    repeats::judge(first, repeat, zone, after).map_err(told)?;
    rules::of_zones(&case.typed)
}
