//! What holds for every text that is read, and for every zone that is offered.

use jiff::{SignedDuration, Span, Timestamp, civil::Time, tz::TimeZone};
use relais_moment::{LEAST, Language, MOST_YEARS, TEXT_MAX, WhenError, parse, zone as zone_of, zones_like};

use super::{ENDS, writing::Written};
use crate::{interactions::rules::holds, tally::Tally};

type Read = Result<Timestamp, WhenError>;

pub(super) fn of_text(
    written: &Written,
    language: Language,
    now: Timestamp,
    zone: &TimeZone,
    read: Read,
    tally: &mut Tally,
) -> Result<(), String> {
    let text = written.text();
    let again = |text: &str| parse(text, language, now, zone);
    holds!(again(text) == read, "read twice, it is two moments");
    if let Ok(moment) = read {
        bounded(moment, now, zone)?;
    }
    match written {
        // In English `2h30` is a duration.
        Written::Clock(text, ..) if text.contains('h') && language == Language::English => {}
        Written::Clock(_, hour, minute) => clock(*hour, *minute, now, zone, read, tally)?,
        Written::Seconds(_, seconds) => duration(*seconds, now, zone, read)?,
        Written::Pieces(_) | Written::Expression(_) => {
            // Case, spaces and an exclamation change nothing; the words have no letter that grows in upper case.
            let loud = format!("{}  !", text.to_uppercase().replace(' ', "  "));
            holds!(loud.chars().count() > TEXT_MAX || again(&loud) == read, "{loud:?} is {:?}", again(&loud));
        }
        Written::Any(_) => {}
    }
    Ok(())
}

fn bounded(moment: Timestamp, now: Timestamp, zone: &TimeZone) -> Result<(), String> {
    holds!(moment.duration_since(now) >= LEAST, "{moment} is too soon");
    let last = now.to_zoned_datetime(zone.clone()).checked_add(Span::new().years(MOST_YEARS));
    let last = last.map_err(|error| format!("{moment} was read where two years do not fit: {error}"))?;
    holds!(moment <= last.timestamp(), "{moment} is too far");
    Ok(())
}

/// The next time that the clock shows it, unless that is nearer than half a minute.
fn clock(hour: i8, minute: i8, now: Timestamp, zone: &TimeZone, read: Read, tally: &mut Tally) -> Result<(), String> {
    let moment = match read {
        Ok(moment) => moment,
        Err(WhenError::TooSoon) => return Ok(()),
        Err(error) => {
            // At the ends of the calendar there is no next one, or no today, or two years do not fit.
            let end = Timestamp::MAX.duration_since(now) < SignedDuration::from_hours(3 * 366 * 24)
                || now.duration_since(Timestamp::MIN) < SignedDuration::from_hours(48);
            holds!(end, "a time of day is {error:?}");
            return Ok(());
        }
    };
    let wanted = Time::new(hour, minute, 0, 0).map_err(|error| error.to_string())?;
    let shown = zone.to_datetime(moment);
    if shown.time() == wanted {
        let ambiguous = zone.to_ambiguous_timestamp(shown);
        if ambiguous.is_ambiguous() {
            tally.note(ENDS[6]);
            holds!(ambiguous.earlier().ok() == Some(moment), "{moment} is the second of two");
        }
    } else {
        // Moved forward by what the clock skips there: the time itself exists on neither side.
        let skipped = zone.to_ambiguous_timestamp(shown.date().to_datetime(wanted));
        let before = shown.date().yesterday().map(|date| zone.to_ambiguous_timestamp(date.to_datetime(wanted)));
        holds!(skipped.is_ambiguous() || before.is_ok_and(|before| before.is_ambiguous()), "{shown} is not {wanted}");
        tally.note(ENDS[5]);
    }
    let away = moment.duration_since(now);
    holds!(away <= SignedDuration::from_hours(51), "{moment} is not the next {wanted}");
    Ok(())
}

fn duration(seconds: i64, now: Timestamp, zone: &TimeZone, read: Read) -> Result<(), String> {
    let meant = now.checked_add(SignedDuration::from_secs(seconds));
    match (read, meant) {
        (Ok(moment), Ok(meant)) => holds!(moment == meant, "{moment} is not {meant}"),
        (Err(WhenError::TooSoon), _) => holds!(seconds < 30, "{seconds} s is too soon"),
        (Err(WhenError::TooFar), Ok(meant)) => {
            holds!(bounded(meant, now, zone).is_err(), "{seconds} s is too far");
        }
        (Err(WhenError::TooFar), Err(_)) => {}
        (read, _) => return Err(format!("{seconds} s is {read:?}")),
    }
    Ok(())
}

/// What is offered can be chosen.
pub(super) fn of_zones(typed: &str) -> Result<(), String> {
    let offered = zones_like(typed, 25);
    holds!(offered.len() <= 25, "{} zones for {typed:?}", offered.len());
    for name in offered {
        holds!(zone_of(name).is_ok(), "{name} is offered for {typed:?} and is no zone");
    }
    if let Ok(zone) = zone_of(typed) {
        holds!(zone.iana_name().is_some_and(|name| name.eq_ignore_ascii_case(typed)), "{typed:?} is {zone:?}");
    }
    Ok(())
}
