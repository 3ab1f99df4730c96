//! The table of expressions, row by row.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use relais_moment::{Language, WhenError, parse, zone};

/// Fewer rows than this would be a hole in the promise.
const AT_LEAST: usize = 150;

const TABLE: &str = include_str!("../expressions.txt");

struct Writer {
    language: Language,
    zone: TimeZone,
    now: Timestamp,
}

impl Writer {
    fn read(line: &str) -> Self {
        let mut words = line.split_whitespace().skip(1);
        let language = if words.next() == Some("fr") { Language::French } else { Language::English };
        let zone = zone(words.next().unwrap()).unwrap();
        let now: DateTime = words.next().unwrap().parse().unwrap();
        let now = zone.to_zoned_datetime(now).unwrap().timestamp();
        Self { language, zone, now }
    }

    /// What a row expects: a time of the zone, a time with its offset, or the name of an error.
    fn expected(&self, text: &str) -> Result<Timestamp, String> {
        if let Ok(local) = text.parse::<DateTime>()
            && !text[10..].contains(['+', '-'])
        {
            return Ok(self.zone.to_zoned_datetime(local).unwrap().timestamp());
        }
        text.parse::<Timestamp>().map_err(|_| text.to_owned())
    }
}

#[test]
fn every_expression_means_what_the_table_says() {
    let mut writer = Writer::read("@ en UTC 2026-01-01T00:00");
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('@') {
            writer = Writer::read(line);
            continue;
        }
        let (text, meant) = line.rsplit_once(" -> ").unwrap();
        rows += 1;
        let found = parse(text, writer.language, writer.now, &writer.zone).map_err(|error| format!("{error:?}"));
        if found != writer.expected(meant) {
            let shown = match &found {
                Ok(moment) => writer.zone.to_datetime(*moment).to_string(),
                Err(error) => error.clone(),
            };
            wrong.push(format!("{:?} {text:?}: {shown}, not {meant}", writer.language));
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= AT_LEAST, "only {rows} rows");
    println!("{rows} expressions");
}

#[test]
fn a_text_that_is_too_long_is_not_read() {
    let writer = Writer::read("@ en UTC 2026-01-01T00:00");
    let long = format!("10m{}", " ".repeat(198));
    assert_eq!(parse(&long, writer.language, writer.now, &writer.zone), Err(WhenError::Unreadable));
}

#[test]
fn the_bounds_are_met_to_the_second() {
    let writer = Writer::read("@ en UTC 2026-01-01T00:00");
    let read = |text: &str| parse(text, writer.language, writer.now, &writer.zone);
    assert!(read("30s").is_ok() && read("29s") == Err(WhenError::TooSoon));
    assert!(read("2028-01-01 00:00").is_ok() && read("2028-01-01 00:01") == Err(WhenError::TooFar));
}
