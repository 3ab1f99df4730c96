//! What people write for a moment. The words are those of the reader's own table of expressions, so that a new way to
//! write one is fuzzed by being in that table.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;

use crate::texts::any_text;

const TABLE: &str = include_str!("../../../moment/tests/expressions.txt");

/// Every expression of the table.
static EXPRESSIONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter(|line| !line.starts_with(['#', '@']));
    rows.filter_map(|line| line.rsplit_once(" -> ")).map(|(text, _)| text).collect()
});

/// Their words, numbers and signs, each once.
static PIECES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let kind = |letter: char| (letter.is_alphabetic(), letter.is_ascii_digit());
    let mut pieces: BTreeSet<&str> = BTreeSet::new();
    for mut rest in EXPRESSIONS.iter().copied() {
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|letter| kind(letter) != kind(first)).unwrap_or(rest.len());
            let (piece, left) = rest.split_at(end);
            pieces.insert(piece);
            rest = left;
        }
    }
    pieces.extend(["0", "00", "24", "29", "31", "60", "999999999", "1000000000", "2000", "9999", "T", "Z", "+02:00"]);
    pieces.into_iter().collect()
});

/// A text, and what is known about it.
#[derive(Debug, Clone)]
pub(crate) enum Written {
    /// Pieces of moments, in any order.
    Pieces(String),
    /// A moment of the table, as it is or with a piece changed.
    Expression(String),
    /// A time of day: hour, minute.
    Clock(String, i8, i8),
    /// A duration of so many seconds.
    Seconds(String, i64),
    /// Anything.
    Any(String),
}

impl Written {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Pieces(text) | Self::Expression(text) | Self::Any(text) => text,
            Self::Clock(text, ..) | Self::Seconds(text, _) => text,
        }
    }
}

/// Any text.
pub(crate) fn texts() -> impl Strategy<Value = Written> {
    let piece = || prop::sample::select(PIECES.as_slice());
    let glue = prop::sample::select(&["", " ", " ", "  ", "\u{a0}", "-", ", "][..]);
    let pieces = prop::collection::vec((piece(), glue), 0..9)
        .prop_map(|parts| Written::Pieces(parts.into_iter().flat_map(|(piece, glue)| [piece, glue]).collect()));
    let expression = prop::sample::select(EXPRESSIONS.as_slice());
    let changed = (expression.clone(), any::<prop::sample::Index>(), piece()).prop_map(|(text, at, piece)| {
        let words: Vec<&str> = text.split(' ').collect();
        let at = at.index(words.len());
        let words: Vec<&str> = words.iter().enumerate().map(|(i, word)| if i == at { piece } else { *word }).collect();
        Written::Expression(words.join(" "))
    });
    let clock = (0..24_i8, 0..60_i8, 0..3_u8).prop_map(|(hour, minute, form)| {
        let text = match form {
            0 => format!("{hour}:{minute:02}"),
            1 => format!("{hour:02}h{minute:02}"),
            _ => format!("à {hour}:{minute:02}"),
        };
        Written::Clock(text, hour, minute)
    });
    let seconds = (0..100_000_i64, prop::sample::select(&[("s", 1), ("min", 60), ("m", 60), ("h", 3_600)][..]))
        .prop_map(|(count, (unit, each))| Written::Seconds(format!("{count}{unit}"), count * each));
    prop_oneof![
        6 => pieces,
        2 => expression.prop_map(|text| Written::Expression(text.to_owned())),
        4 => changed,
        3 => clock,
        2 => seconds,
        2 => any_text().prop_map(Written::Any),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        assert!(EXPRESSIONS.len() >= 150 && PIECES.len() >= 100, "{} {}", EXPRESSIONS.len(), PIECES.len());
        for piece in ["demain", "tomorrow", "h", ":", "lundi", "noon"] {
            assert!(PIECES.contains(&piece), "{piece}");
        }
    }
}
