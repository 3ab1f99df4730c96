//! Times of day: `18:30`, `6pm`, `18h30`, `noon`, `à 9h`.

use super::{Clock, Cursor};
use crate::{
    Language,
    tokens::Token,
    words::{Part, meaning},
};

/// Whether a part of the day may have a time beside it: `tomorrow morning at 8`.
pub(super) fn leaves_room(part: Part) -> bool {
    match part {
        Part::Morning | Part::Afternoon | Part::Evening | Part::Night => true,
        Part::Noon | Part::Midnight => false,
    }
}

/// The time that is meant beside a part of the day: `tonight at 8` is 20:00. None where they contradict each other, or
/// where it could be the day after (`tomorrow night at 2`).
pub(super) fn within(part: Part, clock: Clock) -> Option<Clock> {
    let hours = match part {
        Part::Morning => 0..=12,
        Part::Afternoon => 12..=18,
        Part::Evening => 16..=23,
        Part::Night => 18..=23,
        Part::Noon | Part::Midnight => return None,
    };
    let later = Clock { hour: clock.hour + 12, ..clock };
    let meant = if clock.halved { [clock, clock] } else { [clock, later] };
    meant.into_iter().find(|clock| hours.contains(&clock.hour))
}

/// Whether a French text has the form of `18h30`, whatever its numbers.
pub(super) fn looks_like_one(tokens: &[Token], language: Language) -> bool {
    let hour = |word: &str| crate::words::of(Language::French).hours.contains(&word);
    language == Language::French
        && matches!(tokens, [Token::Number(..), Token::Word(word), Token::Number(_, 2)] if hour(word))
}

/// A part of the day, with the words around it.
pub(super) fn part(cursor: &mut Cursor<'_>) -> Option<Part> {
    let words = cursor.words;
    cursor.tried(|cursor| {
        let _at = cursor.word_of(words.at) || cursor.word_of(&["in", "dans"]);
        let _the = cursor.word_of(words.filler) || cursor.word_of(&["l", "la"]);
        cursor.sign('\'');
        afternoon(cursor).or_else(|| meaning(words.parts, cursor.word()?))
    })
}

/// `après-midi` is two words.
fn afternoon(cursor: &mut Cursor<'_>) -> Option<Part> {
    if cursor.language != Language::French {
        return None;
    }
    cursor.tried(|cursor| {
        (cursor.word()? == "apres").then_some(())?;
        cursor.sign('-');
        (cursor.word()? == "midi").then_some(Part::Afternoon)
    })
}

/// A time of day. What could be a duration was read as one before, so an hour is one of the clock.
pub(super) fn clock(cursor: &mut Cursor<'_>) -> Option<Clock> {
    cursor.tried(|cursor| {
        let at = cursor.word_of(cursor.words.at);
        cursor
            .tried(colon)
            .or_else(|| cursor.tried(french_hour))
            .or_else(|| cursor.tried(noon_half))
            .or_else(|| cursor.tried(|cursor| bare_hour(cursor, at)))
    })
}

/// `18:30`, `6:30 pm`, `6.30pm`.
fn colon(cursor: &mut Cursor<'_>) -> Option<Clock> {
    let (hour, _) = cursor.number()?;
    let point = cursor.sign('.');
    if !point && !cursor.sign(':') {
        return None;
    }
    let (minute, digits) = cursor.number()?;
    (digits == 2).then_some(())?;
    match half_of_day(cursor) {
        Some(afternoon) => twelve(hour, minute, afternoon),
        // With a point it could be a date or a fraction.
        None if point => None,
        None => twenty_four(hour, minute),
    }
}

/// `6pm`, `12 am`.
fn noon_half(cursor: &mut Cursor<'_>) -> Option<Clock> {
    let (hour, _) = cursor.number()?;
    let afternoon = half_of_day(cursor)?;
    twelve(hour, 0, afternoon)
}

/// `18h30`, `18h`.
fn french_hour(cursor: &mut Cursor<'_>) -> Option<Clock> {
    let (hour, _) = cursor.number()?;
    let hours = crate::words::of(Language::French).hours;
    if !cursor.word_of(hours) {
        return None;
    }
    let minutes = cursor.tried(|cursor| cursor.number().filter(|(_, digits)| *digits == 2));
    twenty_four(hour, minutes.map_or(0, |(minute, _)| minute))
}

/// `at 9`, where `at` says what the number is.
fn bare_hour(cursor: &mut Cursor<'_>, at: bool) -> Option<Clock> {
    let (hour, digits) = cursor.number().filter(|_| at)?;
    // What follows would make it something else: `at 9 december`.
    (digits <= 2 && cursor.rest.first().is_none_or(|next| matches!(next, Token::Sign(','))))
        .then(|| twenty_four(hour, 0))?
}

/// `pm`, `p.m.`: whether it is the half after noon.
fn half_of_day(cursor: &mut Cursor<'_>) -> Option<bool> {
    cursor.tried(|cursor| match cursor.word()? {
        "am" => Some(false),
        "pm" => Some(true),
        half @ ("a" | "p") => {
            cursor.sign('.').then_some(())?;
            (cursor.word()? == "m").then_some(())?;
            cursor.sign('.');
            Some(half == "p")
        }
        _ => None,
    })
}

fn twenty_four(hour: u32, minute: u32) -> Option<Clock> {
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(Clock { hour, minute, halved: false })
}

fn twelve(hour: u32, minute: u32, afternoon: bool) -> Option<Clock> {
    (1..=12).contains(&hour).then_some(())?;
    let clock = twenty_four(hour % 12 + if afternoon { 12 } else { 0 }, minute)?;
    Some(Clock { halved: true, ..clock })
}
