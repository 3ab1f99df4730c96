//! Texts as people, broken clients and enemies write them.

use proptest::prelude::*;

/// What trips code that takes a letter for a byte, a letter for what is seen, or a text for a format.
const ODD: &[&str] = &[
    "a",
    "Z",
    "7",
    " ",
    "  ",
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ı",
    "Ǆ",
    "ﷺ",
    "ﬁ",
    "Ω",
    "漢",
    "ไ",
    "ا",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200d}",
    "\u{200f}",
    "\u{feff}",
    "\u{a0}",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\t",
    "\n",
    "\r\n",
    "𝕏",
    "👍🏽",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦",
    "🇫🇷",
    "\u{10ffff}",
    "\u{fffd}",
    "\u{e000}",
    "@everyone",
    "<@1>",
    "<t:0:R>",
    "`",
    "```",
    "||",
    "**",
    "\\",
    "\"",
    "'",
    "{",
    "}",
    "{ $at }",
    "%s",
    "#",
    "##",
    ":",
    ";",
    ",",
    "/",
    "../",
    "USER#3#",
    "STATE#",
    "-1",
    "1e999",
    "null",
];

/// What a user types where a moment, a zone, a name or a list is wanted.
const SENSIBLE: &[&str] = &[
    "10m",
    "2h30m",
    "18:30",
    "tomorrow 9:00",
    "demain 9h",
    "24/12 18h",
    "30s",
    "29s",
    "2 years",
    "3 years",
    "1 mar",
    "yesterday",
    "Europe/Paris",
    "europe/paris",
    "UTC",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/New_York",
    "Mars/Base",
    "milk",
    "tea",
    "Milk",
    "a-b_c",
    "t1",
    "yes;no",
    "a;b;c;d",
    "a;A",
    ";",
    "one",
    "Tea?",
    "here",
    "dm",
    "daily",
    "weekly",
    "none",
    "48",
    "true",
    "",
    "text",
    "auto",
];

/// A text that somebody would send.
pub(crate) fn sensible() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(SENSIBLE).prop_map(str::to_owned)
}

/// Any text at all, mostly short, now and then far too long.
pub(crate) fn any_text() -> impl Strategy<Value = String> + Clone {
    let odd = prop::collection::vec(prop::sample::select(ODD), 0..12).prop_map(|pieces| pieces.concat());
    let long = (prop::sample::select(ODD), prop::sample::select(&[50_usize, 101, 999, 1_001, 1_999, 4_001][..]))
        .prop_map(|(piece, times)| piece.repeat(times));
    prop_oneof![
        4 => sensible(),
        4 => odd,
        2 => prop::collection::vec(any::<char>(), 0..20).prop_map(|letters| letters.into_iter().collect::<String>()),
        1 => long,
    ]
}

/// JSON text in ASCII, as Discord sends it: letters beyond the first plane as two surrogates.
pub(crate) fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            text.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn text_in_ascii_is_the_same_text() {
        let value = serde_json::json!({ "a": "é 𝕏 \u{10ffff} \\ \"" });
        let text = ascii(&value.to_string());
        assert!(text.is_ascii() && text.contains("\\ud835\\udd4f"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
