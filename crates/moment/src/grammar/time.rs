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

/// A time of day. `on_a_day`: a day was named, so an hour cannot be a duration any more.
pub(super) fn clock(cursor: &mut Cursor<'_>, on_a_day: bool) -> Option<Clock> {
    cursor.tried(|cursor| {
        let at = cursor.word_of(cursor.words.at);
        let named = at || on_a_day;
        cursor
            .tried(colon)
            .or_else(|| cursor.tried(|cursor| french_hour(cursor, named)))
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

/// `18h30`; and `18h` where it can be no duration.
fn french_hour(cursor: &mut Cursor<'_>, named: bool) -> Option<Clock> {
    let (hour, _) = cursor.number()?;
    let hours = crate::words::of(Language::French).hours;
    if !cursor.word_of(hours) {
        return None;
    }
    let minutes = cursor.tried(|cursor| cursor.number().filter(|(_, digits)| *digits == 2));
    match minutes {
        Some((minute, _)) if named || cursor.language == Language::French => twenty_four(hour, minute),
        None if named => twenty_four(hour, 0),
        Some(_) | None => None,
    }
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
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(Clock { hour, minute })
}

fn twelve(hour: u32, minute: u32, afternoon: bool) -> Option<Clock> {
    (1..=12).contains(&hour).then_some(())?;
    twenty_four(hour % 12 + if afternoon { 12 } else { 0 }, minute)
}
