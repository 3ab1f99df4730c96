//! From a wish to a moment, by the calendar of a zone.

use jiff::{
    Span, Timestamp, ToSpan as _,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::{
    WhenError,
    grammar::{Clock, Day, Wish},
    words::Part,
};

/// When a day is meant without a time.
const MORNING: Clock = Clock { hour: 9, minute: 0, halved: true };

impl Part {
    const fn clock(self) -> Clock {
        let hour = match self {
            Self::Morning => 9,
            Self::Noon => 12,
            Self::Afternoon => 15,
            Self::Evening => 20,
            Self::Night => 22,
            Self::Midnight => 24,
        };
        Clock { hour, minute: 0, halved: true }
    }
}

/// The moment that is wished for, wherever it lies.
pub(crate) fn resolve(wish: &Wish, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, WhenError> {
    match wish {
        Wish::Over => Err(WhenError::Past),
        Wish::Beyond => Err(WhenError::TooFar),
        Wish::After { calendar, exact } => {
            let later = later(now, zone, *calendar).ok_or(WhenError::TooFar)?;
            later.checked_add(*exact).map_err(|_| WhenError::TooFar)
        }
        Wish::At { day, clock, part } => {
            let time = clock.or(part.map(Part::clock));
            match day {
                None => time.and_then(|time| coming(time, now, zone)).ok_or(WhenError::Unreadable),
                Some(day) => on(*day, time, now, zone),
            }
        }
    }
}

/// The same time of day, a calendar span later; none beyond the calendar.
pub(crate) fn later(now: Timestamp, zone: &TimeZone, span: Span) -> Option<Timestamp> {
    let moved = now.to_zoned_datetime(zone.clone()).checked_add(span).ok()?;
    Some(moved.timestamp())
}

/// The next time that the clock shows this.
fn coming(clock: Clock, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let today = zone.to_datetime(now).date();
    let first = moment(today, clock, zone)?;
    if first > now { Some(first) } else { moment(today.tomorrow().ok()?, clock, zone) }
}

fn on(day: Day, time: Option<Clock>, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, WhenError> {
    let today = zone.to_datetime(now).date();
    let clock = time.unwrap_or(MORNING);
    let at = |date: Option<Date>| date.and_then(|date| moment(date, clock, zone)).ok_or(WhenError::TooFar);
    match day {
        Day::Ahead(days) => at(today.checked_add(i64::from(days).days()).ok()),
        Day::Weekday { weekday, next } => {
            let today_too = !next && time.is_some() && today.weekday() == weekday;
            match at(Some(today)) {
                Ok(moment) if today_too && moment > now => Ok(moment),
                Ok(_) | Err(_) => at(following(today, weekday)),
            }
        }
        Day::Date { year: Some(year), month, day } => {
            let date = Date::new(year, month, day).map_err(|_| WhenError::Unreadable)?;
            at(Some(date))
        }
        Day::Date { year: None, month, day } => {
            // The leap year 2000 has every day that any year has.
            Date::new(2000, month, day).map_err(|_| WhenError::Unreadable)?;
            let years = (0..9).filter_map(|ahead| Date::new(today.year().checked_add(ahead)?, month, day).ok());
            let mut moments = years.map(|date| at(Some(date)));
            moments.find(|moment| moment.is_ok_and(|moment| moment > now)).unwrap_or(Err(WhenError::TooFar))
        }
    }
}

/// The next day of that name, not today.
fn following(today: Date, weekday: Weekday) -> Option<Date> {
    today.nth_weekday(1, weekday).ok()
}

/// 24:00 is the midnight that ends the day.
fn moment(date: Date, clock: Clock, zone: &TimeZone) -> Option<Timestamp> {
    let (date, hour) = if clock.hour == 24 { (date.tomorrow().ok()?, 0) } else { (date, clock.hour) };
    let time = Time::new(hour, clock.minute, 0, 0).ok()?;
    Some(zone.to_zoned_datetime(date.to_datetime(time)).ok()?.timestamp())
}
