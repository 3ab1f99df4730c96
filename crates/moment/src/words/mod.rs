//! The words of each language, as plain tables: lower case, without accents.

mod english;
mod french;

use jiff::civil::Weekday;

use crate::Language;

/// What durations are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Part of a day, with the hour that is meant by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Morning,
    Noon,
    Afternoon,
    Evening,
    Night,
    Midnight,
}

/// One language's words. Every list is of words and what they mean.
pub(crate) struct Words {
    pub(crate) units: &'static [(&'static str, Unit)],
    /// `in`, before a duration.
    pub(crate) ahead: &'static [&'static str],
    /// Between the parts of a duration.
    pub(crate) and: &'static [&'static str],
    /// One, before a unit.
    pub(crate) one: &'static [&'static str],
    pub(crate) half: &'static str,
    /// Before a time of day.
    pub(crate) at: &'static [&'static str],
    /// Words around a day that change nothing.
    pub(crate) filler: &'static [&'static str],
    pub(crate) next: &'static [&'static str],
    pub(crate) this: &'static [&'static str],
    pub(crate) parts: &'static [(&'static str, Part)],
    pub(crate) weekdays: &'static [(&'static str, Weekday)],
    pub(crate) months: &'static [(&'static str, i8)],
    /// Behind the number of a day.
    pub(crate) ordinals: &'static [&'static str],
    pub(crate) hours: &'static [&'static str],
}

/// The words of a language.
pub(crate) const fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::French => &french::WORDS,
    }
}

/// What a word means in a list.
pub(crate) fn meaning<T: Copy>(list: &[(&str, T)], word: &str) -> Option<T> {
    list.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
}
