//! The summary table for terminals: at most [`WIDTH`] columns, readable without colour.

use std::fmt::Write as _;

use super::{DrillReport, SceneReport, pace, seconds};

/// No line of the table proper is longer than this; broken promises are wrapped to it.
pub const WIDTH: usize = 100;

const LEGEND: &str = "speakers: most sites that spoke at once (from the small Discord's log) · ack'd: writes a user saw \
acknowledged, lost: of these unreadable at the end · dupl.: effects that happened twice · missed: interactions nobody \
answered in time · outage: longest protocol time without a speaker · ident.: IDENTIFYs · viol.: requests against \
Discord's rules";

struct Cell {
    text: String,
    bad: bool,
}

const HEADINGS: [&str; 13] = [
    "scene", "pace", "speakers", "ack'd", "lost", "dupl.", "missed", "outage", "ident.", "starts", "stops", "viol.",
    "verdict",
];

/// The table, then the broken promises in words, then a legend. `colour` adds ANSI colours and nothing else.
#[must_use]
pub fn render(report: &DrillReport, colour: bool) -> String {
    let rows: Vec<[Cell; 13]> = report.scenes.iter().map(cells).collect();
    let widths: [usize; 13] = std::array::from_fn(|column| {
        let longest = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.text)).max().unwrap_or(0);
        longest.max(HEADINGS.get(column).map_or(0, |heading| width(heading)))
    });
    let head = HEADINGS.map(|heading| Cell { text: heading.to_owned(), bad: false });
    let full = widths.iter().sum::<usize>();
    let space = if full + 24 <= WIDTH { "  " } else { " " };
    let rule = "─".repeat(full + 12 * space.len());
    let mut out = String::new();
    line(&mut out, &head, &widths, space, colour);
    let _ = writeln!(out, "{rule}");
    for row in &rows {
        line(&mut out, row, &widths, space, colour);
    }
    let _ = writeln!(out, "{rule}");
    for scene in report.scenes.iter().filter(|scene| !scene.passed) {
        let _ = writeln!(out, "{}", paint(&format!("{} broke:", scene.scene), true, colour));
        for text in scene.broken.iter().chain(&scene.violation_texts) {
            wrap(&mut out, text, "  - ", "    ");
        }
    }
    let passed = report.scenes.iter().filter(|scene| scene.passed).count();
    let verdict = format!("{passed} of {} scenes kept every promise", report.scenes.len());
    let _ = writeln!(out, "{}", paint(&verdict, !report.passed(), colour));
    wrap(&mut out, LEGEND, "", "");
    wrap(&mut out, &report.pace_note, "", "");
    out
}

/// One line about one scene, for the end of its live view.
#[must_use]
pub fn sentence(scene: &SceneReport) -> String {
    let verdict = if scene.passed { "passed" } else { "BROKEN" };
    let mut text = format!(
        "{verdict}: {} speaker(s) at most, {} acknowledged, {} lost, {} twice, {} missed, {} s without a speaker",
        scene.speakers_max,
        scene.acknowledged,
        scene.lost,
        scene.duplicates,
        scene.missed,
        seconds(scene.outage_ms),
    );
    for broken in &scene.broken {
        let _ = write!(text, "; {broken}");
    }
    text
}

fn cells(scene: &SceneReport) -> [Cell; 13] {
    let plain = |text: String| Cell { text, bad: false };
    let zero = |count: u64| Cell { text: count.to_string(), bad: count > 0 };
    [
        plain(clip(&scene.scene, 12)),
        plain(pace(scene.pace)),
        Cell { text: scene.speakers_max.to_string(), bad: scene.speakers_max != 1 },
        plain(scene.acknowledged.to_string()),
        zero(scene.lost),
        zero(scene.duplicates),
        plain(scene.missed.to_string()),
        plain(format!("{} s", seconds(scene.outage_ms))),
        plain(scene.identifies.to_string()),
        plain(scene.starts.to_string()),
        plain(scene.stops.to_string()),
        zero(scene.violations),
        Cell { text: if scene.passed { "passed" } else { "BROKEN" }.to_owned(), bad: !scene.passed },
    ]
}

/// The scene is left-aligned, numbers right, the verdict left again so that the eye finds it.
fn line(out: &mut String, cells: &[Cell; 13], widths: &[usize; 13], space: &str, colour: bool) {
    let mut text = String::new();
    for (column, (cell, wide)) in cells.iter().zip(widths).enumerate() {
        let gap = " ".repeat(wide.saturating_sub(width(&cell.text)));
        let shown = paint(&cell.text, cell.bad, colour && cell.bad);
        let space = if column == 0 { "" } else { space };
        let padded = if column == 0 || column == 12 { format!("{shown}{gap}") } else { format!("{gap}{shown}") };
        text.push_str(space);
        text.push_str(&padded);
    }
    let _ = writeln!(out, "{}", text.trim_end());
}

fn paint(text: &str, bad: bool, colour: bool) -> String {
    match (colour, bad) {
        (false, _) => text.to_owned(),
        (true, true) => format!("\u{1b}[1;31m{text}\u{1b}[0m"),
        (true, false) => format!("\u{1b}[32m{text}\u{1b}[0m"),
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn clip(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    text.chars().take(to.saturating_sub(1)).chain(['…']).collect()
}

fn wrap(out: &mut String, text: &str, first: &str, rest: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && width(&line) + 1 + width(word) > WIDTH {
            let _ = writeln!(out, "{line}");
            (line, empty) = (rest.to_owned(), true);
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    if !empty {
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, clip, render, sentence};
    use crate::report::{DrillReport, sample};

    fn crowded() -> DrillReport {
        let mut report = sample::drill();
        for scene in &mut report.scenes {
            scene.scene = "a-very-long-scene-name".to_owned();
            (scene.acknowledged, scene.missed, scene.outage_ms) = (99_999, 9_999, 9_999_000);
            (scene.lost, scene.duplicates, scene.identifies, scene.violations) = (9_999, 9_999, 999, 9_999);
            scene.pace = 12.25;
            scene.broken.push("word ".repeat(60));
        }
        report
    }

    #[test]
    fn no_line_is_wider_than_the_promise() {
        for report in [sample::drill(), crowded()] {
            for line in render(&report, false).lines() {
                assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
            }
        }
    }

    #[test]
    fn columns_stand_under_their_headings() {
        let text = render(&sample::drill(), false);
        let lines: Vec<&str> = text.lines().collect();
        let end_of = |line: &str, word: &str| line.find(word).map(|at| line[..at + word.len()].chars().count());
        assert_eq!(end_of(lines[0], "outage"), end_of(lines[2], "53.0 s"));
        assert_eq!(end_of(lines[0], "ack'd"), end_of(lines[2], "41"));
    }

    #[test]
    fn broken_promises_stand_below_in_words() {
        let text = render(&sample::drill(), false);
        assert!(text.contains("lid broke:\n  - S3 SingleSpeaker: two sites spoke at once from 69.9 s on\n"), "{text}");
        assert!(text.contains("1 of 2 scenes kept every promise"));
        assert!(text.contains("crash") && text.contains("passed") && text.contains("BROKEN"));
    }

    #[test]
    fn colour_changes_no_letter_and_plain_text_has_none() {
        let plain = render(&sample::drill(), false);
        let coloured = render(&sample::drill(), true);
        assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
        let mut stripped = coloured;
        for code in ["\u{1b}[1;31m", "\u{1b}[32m", "\u{1b}[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn one_sentence_tells_a_scene() {
        let report = sample::drill();
        assert_eq!(
            sentence(&report.scenes[0]),
            "passed: 1 speaker(s) at most, 41 acknowledged, 0 lost, 0 twice, 52 missed, 53.0 s without a speaker"
        );
        assert!(sentence(&report.scenes[1]).starts_with("BROKEN: 2 speaker(s)"));
        assert_eq!(clip("abcdef", 4), "abc…");
    }
}
