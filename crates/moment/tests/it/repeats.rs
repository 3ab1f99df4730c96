use jiff::{SignedDuration, Timestamp};
use relais_moment::{Repeat, next_occurrence, zone};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn next(first: &str, repeat: Repeat, in_zone: &str, after: &str) -> Timestamp {
    next_occurrence(at(first), repeat, &zone(in_zone).unwrap(), at(after)).unwrap()
}

#[test]
fn a_repeat_keeps_its_time_of_day_when_the_clocks_change() {
    // 18:00 in Paris: 17:00 UTC in winter, 16:00 UTC in summer.
    let first = "2026-03-27T17:00:00Z";
    assert_eq!(next(first, Repeat::Daily, "Europe/Paris", "2026-03-28T17:00:00Z"), at("2026-03-29T16:00:00Z"));
    assert_eq!(next(first, Repeat::Weekly, "Europe/Paris", first), at("2026-04-03T16:00:00Z"));
}

#[test]
fn a_time_in_a_gap_moves_forward_on_that_day_only() {
    let first = "2026-03-28T01:30:00Z";
    assert_eq!(next(first, Repeat::Daily, "Europe/Paris", first), at("2026-03-29T01:30:00Z"), "03:30 for once");
    assert_eq!(next(first, Repeat::Daily, "Europe/Paris", "2026-03-29T01:30:00Z"), at("2026-03-30T00:30:00Z"));
}

#[test]
fn a_time_in_an_overlap_comes_once() {
    let first = "2026-10-24T00:30:00Z";
    let in_the_overlap = next(first, Repeat::Daily, "Europe/Paris", first);
    assert_eq!(in_the_overlap, at("2026-10-25T00:30:00Z"), "the first of the two");
    let after = next(first, Repeat::Daily, "Europe/Paris", "2026-10-25T00:30:00Z");
    assert_eq!(after, at("2026-10-26T01:30:00Z"));
}

#[test]
fn a_year_of_days_has_each_once_at_the_same_time_of_day() {
    for in_zone in ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"] {
        let zone = zone(in_zone).unwrap();
        let first = zone.to_zoned_datetime(jiff::civil::date(2026, 1, 1).at(7, 45, 0, 0)).unwrap().timestamp();
        let mut moment = first;
        for day in 1..=365_i64 {
            let next = next_occurrence(first, Repeat::Daily, &zone, moment).unwrap();
            assert!(next > moment);
            let shown = zone.to_datetime(next);
            assert_eq!(
                (shown.time(), shown.date()),
                (
                    jiff::civil::time(7, 45, 0, 0),
                    jiff::civil::date(2026, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap()
                )
            );
            moment = next;
        }
    }
}

#[test]
fn after_a_long_outage_the_next_one_is_the_first_that_is_still_ahead() {
    let first = "2026-01-01T08:00:00Z";
    assert_eq!(next(first, Repeat::Daily, "UTC", "2026-07-14T08:00:00Z"), at("2026-07-15T08:00:00Z"));
    assert_eq!(next(first, Repeat::Weekly, "UTC", "2028-07-14T12:00:00Z"), at("2028-07-20T08:00:00Z"));
    assert_eq!(next(first, Repeat::Daily, "UTC", "2025-01-01T00:00:00Z"), at(first), "not begun yet");
}

#[test]
fn the_end_of_the_calendar_is_the_end() {
    let first = Timestamp::MAX - SignedDuration::from_hours(1);
    assert_eq!(next_occurrence(first, Repeat::Daily, &zone("UTC").unwrap(), first), None);
}
