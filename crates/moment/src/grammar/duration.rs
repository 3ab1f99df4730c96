//! Durations: `10m`, `2h30m`, `in 2 weeks`, `dans une demi-heure`. Numbers stand in digits, but for one and a half.

use jiff::{SignedDuration, Span};

use super::{Cursor, Wish};
use crate::{
    Language,
    tokens::Token,
    words::{Unit, meaning},
};

/// What was counted so far.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    millis: i64,
}

/// A text that is a duration from its first to its last token.
pub(super) fn whole(cursor: &mut Cursor<'_>) -> Option<Wish> {
    let said = cursor.word_of(cursor.words.ahead);
    let mut sum = Sum::default();
    loop {
        if !(half(cursor, &mut sum) || one(cursor, &mut sum)) {
            counted(cursor, &mut sum, said)?;
        }
        if cursor.rest.is_empty() {
            break;
        }
        if !cursor.word_of(cursor.words.and) {
            cursor.sign(',');
        }
    }
    let calendar = Span::new().try_months(sum.months).and_then(|span| span.try_days(sum.days));
    let exact = SignedDuration::from_millis(sum.millis);
    Some(calendar.map_or(Wish::Beyond, |calendar| Wish::After { calendar, exact }))
}

impl Sum {
    /// Adds so many thousandths of a unit.
    fn add(&mut self, thousandths: i64, unit: Unit) -> Option<()> {
        let whole = (thousandths % 1000 == 0).then_some(thousandths / 1000);
        let exact = |millis: i64| thousandths.checked_mul(millis).map(|product| product / 1000);
        let (months, days, millis) = match (unit, whole) {
            (Unit::Second, _) => (0, 0, exact(1_000)?),
            (Unit::Minute, _) => (0, 0, exact(60_000)?),
            (Unit::Hour, _) => (0, 0, exact(3_600_000)?),
            (Unit::Day, Some(days)) => (0, days, 0),
            (Unit::Week, Some(weeks)) => (0, weeks.checked_mul(7)?, 0),
            (Unit::Month, Some(months)) => (months, 0, 0),
            (Unit::Year, Some(years)) => (years.checked_mul(12)?, 0, 0),
            // Half a day is twelve hours; half a month is nothing that anybody could name.
            (Unit::Day, None) => (0, 0, exact(86_400_000)?),
            (Unit::Week, None) => (0, 0, exact(7 * 86_400_000)?),
            (Unit::Month | Unit::Year, None) => return None,
        };
        self.months = self.months.checked_add(months)?;
        self.days = self.days.checked_add(days)?;
        self.millis = self.millis.checked_add(millis)?;
        Some(())
    }
}

fn unit(cursor: &mut Cursor<'_>) -> Option<Unit> {
    let words = cursor.words;
    cursor.tried(|cursor| meaning(words.units, cursor.word()?))
}

/// `half an hour`, `une demi-heure`.
fn half(cursor: &mut Cursor<'_>, sum: &mut Sum) -> bool {
    let words = cursor.words;
    let read = cursor.tried(|cursor| {
        let _article = cursor.word_of(words.one);
        (cursor.word()? == words.half).then_some(())?;
        cursor.sign('-');
        let _article = cursor.word_of(words.one);
        // Half a month is no duration: it stays unread, or what follows it would be all that counts.
        unit(cursor).and_then(|unit| sum.add(500, unit))
    });
    read.is_some()
}

/// `an hour`, `une semaine`.
fn one(cursor: &mut Cursor<'_>, sum: &mut Sum) -> bool {
    let words = cursor.words;
    let read = cursor.tried(|cursor| {
        (words.one.contains(&cursor.word()?)).then_some(())?;
        unit(cursor).and_then(|unit| sum.add(1000, unit))
    });
    read.is_some()
}

/// `10 minutes`, `1.5h`, `2h30`.
fn counted(cursor: &mut Cursor<'_>, sum: &mut Sum, said: bool) -> Option<()> {
    let (number, _) = cursor.number()?;
    let thousandths = cursor.tried(fraction).unwrap_or(0).checked_add(i64::from(number).checked_mul(1000)?)?;
    let unit = unit(cursor)?;
    sum.add(thousandths, unit)?;
    if unit == Unit::Hour && matches!(cursor.rest, [Token::Number(..)]) {
        // Minutes without their name. In French, `2h30` alone is a time of day.
        if cursor.language == Language::French && !said {
            return None;
        }
        let (minutes, digits) = cursor.number()?;
        (digits == 2 && minutes < 60).then_some(())?;
        sum.add(i64::from(minutes) * 1000, Unit::Minute)?;
    }
    Some(())
}

/// The part behind a point or a comma, in thousandths: at most three digits.
fn fraction(cursor: &mut Cursor<'_>) -> Option<i64> {
    if !(cursor.sign('.') || cursor.sign(',')) {
        return None;
    }
    let (number, digits) = cursor.number()?;
    let scale = match digits {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return None,
    };
    Some(i64::from(number) * scale)
}
