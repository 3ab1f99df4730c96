//! No text, zone or moment makes the reader panic, and what it reads lies ahead within its bounds.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use relais_moment::{LEAST, Language, Repeat, next_occurrence, parse, zone, zones_like};

const PIECES: &[&str] = &[
    "10",
    "2",
    "0",
    "31",
    "29",
    "2026",
    "2027",
    "999999999",
    "1.5",
    "18",
    "30",
    "05",
    "m",
    "min",
    "h",
    "d",
    "j",
    "w",
    "sem",
    "month",
    "mois",
    "y",
    "an",
    "in",
    "dans",
    "a",
    "an hour",
    "une heure",
    "half",
    "demi",
    "and",
    "et",
    "at",
    "à",
    ":",
    "/",
    ".",
    "-",
    ",",
    "'",
    "pm",
    "am",
    "p.m.",
    "noon",
    "midi",
    "midnight",
    "minuit",
    "today",
    "tomorrow",
    "demain",
    "après",
    "aujourd'hui",
    "tonight",
    "ce soir",
    "this",
    "morning",
    "matin",
    "next",
    "prochain",
    "monday",
    "lundi",
    "dec",
    "décembre",
    "february",
    "février",
    "th",
    "1er",
    "le",
    "the",
    "of",
    "yesterday",
    "T",
    "Z",
    " ",
];

fn text() -> impl Strategy<Value = String> {
    let glued = prop::collection::vec((prop::sample::select(PIECES), any::<bool>()), 0..9).prop_map(|pieces| {
        pieces.into_iter().map(|(piece, space)| format!("{piece}{}", if space { " " } else { "" })).collect()
    });
    prop_oneof![4 => glued, 1 => "\\PC{0,40}".prop_map(String::from)]
}

fn now() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        6 => 1_700_000_000_i64..2_000_000_000,
        1 => Just(Timestamp::MAX.as_second()),
        1 => Just(Timestamp::MIN.as_second()),
    ]
    .prop_map(|second| Timestamp::from_second(second).unwrap())
}

const ZONES: &[&str] =
    &["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"];

proptest! {
    #![proptest_config(Config {
        cases: 8_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5e1a15),
        ..Config::default()
    })]

    #[test]
    fn what_is_read_lies_within_its_bounds(text in text(), now in now(), at in 0..ZONES.len(), french in any::<bool>()) {
        let zone = zone(ZONES[at]).unwrap();
        let language = if french { Language::French } else { Language::English };
        if let Ok(moment) = parse(&text, language, now, &zone) {
            prop_assert!(moment.duration_since(now) >= LEAST, "{text:?} at {now} is {moment}");
            let last = now.to_zoned_datetime(zone.clone()).checked_add(2.years()).unwrap();
            prop_assert!(moment <= last.timestamp(), "{text:?} at {now} is {moment}");
            for repeat in [Repeat::Daily, Repeat::Weekly] {
                if let Some(next) = next_occurrence(moment, repeat, &zone, moment) {
                    prop_assert!(next > moment && next.duration_since(moment) <= SignedDuration::from_hours(7 * 24 + 26));
                }
            }
        }
        prop_assert!(zones_like(&text, 25).len() <= 25);
    }
}
