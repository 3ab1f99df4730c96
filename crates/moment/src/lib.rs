//! Moments as people write them, in English and French: text, language, now and a zone in, a moment or a reason out.
//!
//! In reading order: what comes out ([`parse`], [`WhenError`]), the words of each language, how text becomes words
//! (`tokens`), how words become a wish (`grammar`), how a wish becomes a moment (`calendar`), repeats
//! ([`next_occurrence`]), zones ([`zone`], [`zones_like`]).
//!
//! Deliberately absent: a clock (now is an argument), files (the zones are inside the program), guesses (a text that
//! means two days is refused), seconds in times of day, and sentences around the moment.

mod calendar;
mod grammar;
mod repeat;
mod tokens;
mod words;
mod zone;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub use repeat::{Repeat, next_occurrence};
pub use zone::{ZoneError, zone, zones_like};

/// The nearest moment that is accepted: so far from now.
pub const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// The farthest moment that is accepted: so many calendar years from now.
pub const MOST_YEARS: i64 = 2;

/// The longest text that is read, characters.
pub const TEXT_MAX: usize = 200;

/// A language that moments are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English, with its dates in words and its hours before and after noon.
    English,
    /// French, with its dates day first and its `18h30`.
    French,
}

impl Language {
    const fn other(self) -> Self {
        match self {
            Self::English => Self::French,
            Self::French => Self::English,
        }
    }
}

/// Why a text gives no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum WhenError {
    /// It is no moment, or could be two.
    #[error("the time cannot be read")]
    Unreadable,
    /// It is over.
    #[error("the time is in the past")]
    Past,
    /// It is nearer than [`LEAST`].
    #[error("the time is less than 30 seconds away")]
    TooSoon,
    /// It is farther than [`MOST_YEARS`].
    #[error("the time is more than two years away")]
    TooFar,
}

/// The moment that `text` means to somebody whose clock shows `now` in `zone`.
///
/// The text is read in `language` first; what that cannot read is tried in the other one. A time of day in a gap of the
/// clock moves forward, one in an overlap is the first of the two.
///
/// # Errors
/// [`WhenError`].
pub fn parse(text: &str, language: Language, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, WhenError> {
    if text.chars().count() > TEXT_MAX {
        return Err(WhenError::Unreadable);
    }
    let tokens = tokens::of(text).ok_or(WhenError::Unreadable)?;
    let wish = match grammar::read(&tokens, language) {
        grammar::Reading::Wish(wish) => wish,
        grammar::Reading::Ambiguous => return Err(WhenError::Unreadable),
        grammar::Reading::Nothing => match grammar::read(&tokens, language.other()) {
            grammar::Reading::Wish(wish) => wish,
            grammar::Reading::Ambiguous | grammar::Reading::Nothing => return Err(WhenError::Unreadable),
        },
    };
    let moment = calendar::resolve(&wish, now, zone)?;
    bounded(moment, now, zone)
}

fn bounded(moment: Timestamp, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, WhenError> {
    if moment < now {
        return Err(WhenError::Past);
    }
    if moment.duration_since(now) < LEAST {
        return Err(WhenError::TooSoon);
    }
    let last = calendar::later(now, zone, jiff::Span::new().try_years(MOST_YEARS).map_err(|_| WhenError::TooFar)?);
    match last {
        Some(last) if moment <= last => Ok(moment),
        Some(_) | None => Err(WhenError::TooFar),
    }
}
