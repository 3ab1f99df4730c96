//! What a text wishes for, before any calendar is asked. Each reader takes from the front of the tokens what it knows, or
//! takes nothing; a text is read only if nothing of it is left.

mod day;
mod duration;
mod time;

use jiff::{SignedDuration, Span, civil::Weekday};

use crate::{
    Language,
    tokens::Token,
    words::{self, Part, Words},
};

/// What is wished for.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// So much later: first by the calendar, then exactly.
    After {
        /// Days and longer.
        calendar: Span,
        /// Hours and shorter.
        exact: SignedDuration,
    },
    /// On a day, at a time, or both.
    At {
        /// Which day.
        day: Option<Day>,
        /// At what time.
        clock: Option<Clock>,
        /// The part of the day, where there is no time.
        part: Option<Part>,
    },
    /// Yesterday.
    Over,
    /// Later than any calendar goes.
    Beyond,
}

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// So many days from today.
    Ahead(u8),
    /// A day of the week. `next`: not today.
    Weekday {
        /// Which.
        weekday: Weekday,
        /// Whether today is meant in no case.
        next: bool,
    },
    /// A date; without a year, the next one of that name.
    Date {
        /// The year, if it was said.
        year: Option<i16>,
        /// 1 to 12, not checked.
        month: i8,
        /// 1 to 31, not checked.
        day: i8,
    },
}

/// A time of day: 0:00 to 23:59, and 24:00 for the midnight that ends the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    /// Whether the half of the day was said too: `8am` is never 20:00.
    pub(crate) halved: bool,
}

/// What one language makes of a text.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// One wish.
    Wish(Wish),
    /// Something of this language that nobody can be sure of, so the other one is not asked either.
    Ambiguous,
    /// None.
    Nothing,
}

/// Reads a text in one language.
pub(crate) fn read(tokens: &[Token], language: Language) -> Reading {
    let words = words::of(language);
    let mut cursor = Cursor { rest: tokens, words, language };
    if let Some(wish) = duration::whole(&mut cursor.clone()) {
        return Reading::Wish(wish);
    }
    if cursor.word_of(&["yesterday", "hier"]) {
        return Reading::Wish(Wish::Over);
    }
    match moment(&mut cursor) {
        Ok(Some(wish)) => Reading::Wish(wish),
        // Meant as a time of day, and no duration of the other language.
        Ok(None) if time::looks_like_one(tokens, language) => Reading::Ambiguous,
        Ok(None) => Reading::Nothing,
        Err(Ambiguous) => Reading::Ambiguous,
    }
}

/// A date that could be two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// A day and a time in either order, each at most once.
fn moment(cursor: &mut Cursor<'_>) -> Result<Option<Wish>, Ambiguous> {
    let (mut day, mut clock, mut part) = (None, None, None);
    while !cursor.rest.is_empty() {
        let before = cursor.rest.len();
        cursor.sign(',');
        if day.is_none()
            && let Some((found, of_day)) = day::day(cursor)?
        {
            day = Some(found);
            part = part.or(of_day);
        } else if clock.is_none()
            && part.is_none()
            && let Some(found) = time::part(cursor)
        {
            part = Some(found);
        } else if clock.is_none()
            && part.is_none_or(time::leaves_room)
            && let Some(found) = time::clock(cursor)
        {
            clock = Some(found);
        }
        if cursor.rest.len() == before {
            return Ok(None);
        }
    }
    let clock = match (clock, part) {
        (Some(clock), Some(part)) => match time::within(part, clock) {
            Some(clock) => Some(clock),
            None => return Ok(None),
        },
        (clock, _) => clock,
    };
    // A morning alone is no moment; noon is.
    let said = day.is_some() || clock.is_some() || part.is_some_and(|part| !time::leaves_room(part));
    Ok(said.then_some(Wish::At { day, clock, part }))
}

/// The tokens that are left.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    pub(crate) rest: &'a [Token],
    pub(crate) words: &'static Words,
    pub(crate) language: Language,
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Takes a number.
    pub(crate) fn number(&mut self) -> Option<(u32, usize)> {
        match self.next()? {
            Token::Number(number, digits) => Some((*number, *digits)),
            Token::Word(_) | Token::Sign(_) => None,
        }
    }

    /// Takes a word.
    pub(crate) fn word(&mut self) -> Option<&'a str> {
        match self.next()? {
            Token::Word(word) => Some(word),
            Token::Number(..) | Token::Sign(_) => None,
        }
    }

    /// Takes the next word if it is one of these; whether it was.
    pub(crate) fn word_of(&mut self, list: &[&str]) -> bool {
        self.tried(|cursor| cursor.word().filter(|word| list.contains(word))).is_some()
    }

    /// Takes the sign if it comes next; whether it did.
    pub(crate) fn sign(&mut self, sign: char) -> bool {
        self.tried(|cursor| (cursor.next()? == &Token::Sign(sign)).then_some(())).is_some()
    }

    /// Takes what `reader` reads, or nothing.
    pub(crate) fn tried<T>(&mut self, reader: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut ahead = self.clone();
        let read = reader(&mut ahead)?;
        *self = ahead;
        Some(read)
    }
}
