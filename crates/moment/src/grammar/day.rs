//! Days: by name, by weekday, by date.

use super::{Ambiguous, Cursor, Day};
use crate::{
    Language,
    words::{Part, meaning},
};

/// A day, and the part of it where its word says that too (`tonight`).
pub(super) fn day(cursor: &mut Cursor<'_>) -> Result<Option<(Day, Option<Part>)>, Ambiguous> {
    let found = cursor
        .tried(named)
        .or_else(|| cursor.tried(part_of_today))
        .or_else(|| cursor.tried(weekday).map(|day| (day, None)))
        .or_else(|| cursor.tried(iso_date).map(|day| (day, None)))
        .or_else(|| cursor.tried(worded_date).map(|day| (day, None)));
    match found {
        Some(found) => Ok(Some(found)),
        None => Ok(numeric_date(cursor)?.map(|day| (day, None))),
    }
}

/// `today`, `tomorrow`, `tonight`, `day after tomorrow`, and the same in French.
fn named(cursor: &mut Cursor<'_>) -> Option<(Day, Option<Part>)> {
    let ahead = |days| Some((Day::Ahead(days), None));
    match cursor.language {
        Language::English => {
            let _the = cursor.word_of(&["the"]);
            match cursor.word()? {
                "today" => ahead(0),
                "tomorrow" | "tmrw" => ahead(1),
                "tonight" => Some((Day::Ahead(0), Some(Part::Evening))),
                "day" => {
                    (cursor.word_of(&["after"]) && cursor.word_of(&["tomorrow"])).then_some(())?;
                    ahead(2)
                }
                _ => None,
            }
        }
        Language::French => match cursor.word()? {
            "aujourd" => {
                cursor.sign('\'');
                cursor.word_of(&["hui"]).then_some(())?;
                ahead(0)
            }
            "aujourdhui" => ahead(0),
            "demain" => ahead(1),
            "apres" => {
                cursor.sign('-');
                cursor.word_of(&["demain"]).then_some(())?;
                ahead(2)
            }
            _ => None,
        },
    }
}

/// `this evening`, `ce soir`.
fn part_of_today(cursor: &mut Cursor<'_>) -> Option<(Day, Option<Part>)> {
    cursor.word_of(cursor.words.this).then_some(())?;
    let part = super::time::part(cursor)?;
    Some((Day::Ahead(0), Some(part)))
}

/// `monday`, `next friday`, `lundi prochain`.
fn weekday(cursor: &mut Cursor<'_>) -> Option<Day> {
    let words = cursor.words;
    let _filler = cursor.word_of(words.filler) || cursor.word_of(words.this);
    let before = cursor.word_of(words.next);
    let weekday = meaning(words.weekdays, cursor.word()?)?;
    // The short forms are written with a point.
    cursor.sign('.');
    let behind = cursor.language == Language::French && cursor.word_of(words.next);
    Some(Day::Weekday { weekday, next: before || behind })
}

/// `2026-12-24`, with or without a `T` behind it.
fn iso_date(cursor: &mut Cursor<'_>) -> Option<Day> {
    let (year, digits) = cursor.number()?;
    (digits == 4 && cursor.sign('-')).then_some(())?;
    let (month, _) = cursor.number()?;
    cursor.sign('-').then_some(())?;
    let (day, _) = cursor.number()?;
    cursor.tried(|cursor| (cursor.word()? == "t" && !cursor.rest.is_empty()).then_some(()));
    date(Some(year), month, day)
}

/// `24 december`, `december 24th, 2027`, `le 1er janvier`.
fn worded_date(cursor: &mut Cursor<'_>) -> Option<Day> {
    let words = cursor.words;
    let _filler = cursor.word_of(words.filler) && cursor.word_of(words.filler);
    let month_first = cursor.tried(|cursor| meaning(words.months, cursor.word()?));
    if month_first.is_some() {
        cursor.sign('.');
    }
    let (day, digits) = cursor.number()?;
    (digits <= 2).then_some(())?;
    let _ordinal = cursor.word_of(words.ordinals);
    let month = match month_first {
        Some(month) => month,
        None => {
            let _of = cursor.word_of(words.filler);
            let month = meaning(words.months, cursor.word()?)?;
            cursor.sign('.');
            month
        }
    };
    let year = cursor.tried(|cursor| {
        cursor.sign(',');
        cursor.number().filter(|(_, digits)| *digits == 4)
    });
    date(year.map(|(year, _)| year), u32::try_from(month).ok()?, day)
}

/// `24/12`, `24.12.2026`. English writes both orders, so there it must be clear which number is the month.
fn numeric_date(cursor: &mut Cursor<'_>) -> Result<Option<Day>, Ambiguous> {
    let mut ahead = cursor.clone();
    let read = ahead.tried(|cursor| {
        let _filler = cursor.word_of(cursor.words.filler);
        let (first, digits) = cursor.number()?;
        let sign = ['/', '.'].into_iter().find(|sign| cursor.sign(*sign))?;
        let (second, more) = cursor.number()?;
        (digits <= 2 && more <= 2).then_some(())?;
        let year = cursor.tried(|cursor| {
            cursor.sign(sign).then_some(())?;
            cursor.number().filter(|(_, digits)| matches!(digits, 2 | 4))
        });
        // `6.30` could be a time, a number, or a date: a date with points has its year.
        (sign == '/' || year.is_some()).then_some(())?;
        let year = year.map(|(year, digits)| if digits == 2 { 2000 + year } else { year });
        Some((first, second, year))
    });
    let Some((first, second, year)) = read else { return Ok(None) };
    let day_first = date(year, second, first);
    let found = match cursor.language {
        Language::French => day_first,
        Language::English if first > 12 => day_first,
        Language::English if second > 12 || first == second => date(year, first, second),
        Language::English => return Err(Ambiguous),
    };
    // No such date: its numbers stay unread, or the time beside it would be taken for today's.
    if found.is_some() {
        *cursor = ahead;
    }
    Ok(found)
}

fn date(year: Option<u32>, month: u32, day: u32) -> Option<Day> {
    let year = match year {
        Some(year) => Some(i16::try_from(year).ok()?),
        None => None,
    };
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Day::Date { year, month, day })
}
