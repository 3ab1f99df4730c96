//! One frame of the live view as text: a progress bar and a strip of columns, one row for each thing to watch.

use relais_failover::Site;

use super::{Bucket, Sample, Tone, seconds, timeline::class_of};

/// Lines of every frame, so that the next one can be drawn over it.
pub(super) const HEIGHT: usize = 14;
const LABEL: usize = 10;
const VALUE: usize = 24;

/// What a piece of text means; the terminal chooses the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Dim,
    Laptop,
    Cloud,
    Good,
    Waiting,
    Bad,
}

/// Text in one ink.
pub(super) type Piece = (String, Ink);

/// The samples of one scene and how they fold into columns.
pub(super) struct Strip {
    scene: String,
    title: String,
    expected_ms: u64,
    samples: Vec<Sample>,
}

impl Strip {
    pub(super) fn new(scene: &str, title: &str, expected_ms: u64) -> Self {
        Self { scene: scene.to_owned(), title: title.to_owned(), expected_ms, samples: Vec::new() }
    }

    pub(super) fn push(&mut self, sample: &Sample) {
        self.samples.push(sample.clone());
    }

    /// Exactly [`HEIGHT`] lines, none wider than `columns`.
    pub(super) fn frame(&self, columns: usize) -> Vec<Vec<Piece>> {
        let slots = columns.saturating_sub(LABEL + VALUE).max(10);
        let now_ms = self.samples.last().map_or(0, |sample| sample.at_ms);
        let slot_ms = slot_ms(self.expected_ms.max(now_ms), slots);
        let cells = self.cells(slots, slot_ms);
        let last = self.samples.last();
        let say = |word: fn(&Sample) -> String| last.map(word).unwrap_or_default();
        let row =
            |label: &str, draw: &dyn Fn(&Cell<'_>) -> (char, Ink), value: String| row(label, &cells, draw, &value);
        let lines = vec![
            vec![(self.scene.clone(), Ink::Plain), (format!("  {}", self.title), Ink::Dim)],
            self.progress(slots, now_ms),
            ruler(slots, slot_ms),
            row("holder", &|cell| holder(cell.sample), say(Sample::lease_words)),
            row("term", &term, String::new()),
            row("probe", &|cell| probe(&cell.sample.probe), say(|sample| sample.probe.clone())),
            row("wanted", &|cell| wanted(&cell.sample.desired), say(|sample| sample.desired.clone())),
            row("instance", &|cell| instance(&cell.sample.instance), say(|sample| sample.instance.clone())),
            row(
                "laptop",
                &|cell| answered(cell.news.laptop, &cell.sample.nodes.laptop, Ink::Laptop),
                say(|sample| format!("{}, answered {}", sample.nodes.laptop, sample.answered_laptop)),
            ),
            row(
                "cloud",
                &|cell| answered(cell.news.cloud, &cell.sample.cloud_words(), Ink::Cloud),
                say(|sample| format!("{}, answered {}", sample.cloud_words(), sample.answered_cloud)),
            ),
            row("missed", &|cell| missed(cell.news.missed), say(|sample| sample.missed.to_string())),
            vec![],
            dim("L laptop c cloud > offered · nobody   probe = ok ~ degraded x unreachable   wanted + on - off"),
            dim("instance p pending R running d stopping s stopped   1-9+ answers a column, x down, z waiting"),
        ];
        lines.into_iter().map(|line| clip(line, columns)).collect()
    }

    fn progress(&self, slots: usize, now_ms: u64) -> Vec<Piece> {
        let whole = self.expected_ms.max(1);
        let share = now_ms.min(whole).saturating_mul(slots as u64) / whole;
        let full = usize::try_from(share).unwrap_or(slots).min(slots);
        let text = format!(" {} of ~{} s protocol", now_ms / 1000, self.expected_ms / 1000);
        vec![
            (" ".repeat(LABEL), Ink::Plain),
            ("█".repeat(full), Ink::Good),
            ("░".repeat(slots - full), Ink::Dim),
            (text, Ink::Plain),
        ]
    }

    /// One cell a column up to now. A column without a sample of its own repeats its neighbour's, without its news.
    fn cells(&self, slots: usize, slot_ms: u64) -> Vec<Cell<'_>> {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        let mut before: Option<&Sample> = None;
        for sample in &self.samples {
            let index = usize::try_from(sample.at_ms / slot_ms).unwrap_or(slots).min(slots.saturating_sub(1));
            let fill = before.unwrap_or(sample);
            while cells.len() <= index {
                cells.push(Cell { sample: fill, news: Bucket::default(), new_term: false });
            }
            if let Some(cell) = cells.get_mut(index) {
                let had = before.map_or((0, 0, 0), |had| (had.answered_laptop, had.answered_cloud, had.missed));
                cell.news.laptop += sample.answered_laptop.saturating_sub(had.0);
                cell.news.cloud += sample.answered_cloud.saturating_sub(had.1);
                cell.news.missed += sample.missed.saturating_sub(had.2);
                cell.new_term |= before.is_none_or(|had| had.term != sample.term);
                cell.sample = sample;
            }
            before = Some(sample);
        }
        cells
    }
}

struct Cell<'a> {
    sample: &'a Sample,
    news: Bucket,
    new_term: bool,
}

/// Protocol time of one column: whole seconds, so that the ruler is readable.
fn slot_ms(whole_ms: u64, slots: usize) -> u64 {
    let seconds = (whole_ms / 1000 + 1).div_ceil(slots.max(1) as u64);
    seconds.max(1) * 1000
}

fn ruler(slots: usize, slot_ms: u64) -> Vec<Piece> {
    let mut text = String::new();
    for column in (0..slots).step_by(10) {
        let tick = (column as u64 * slot_ms / 1000).to_string();
        if column + tick.len() <= slots {
            text.push_str(&" ".repeat(column.saturating_sub(text.len())));
            text.push_str(&tick);
        }
    }
    let note = format!(" s, {} s a column", slot_ms / 1000);
    vec![(format!("{:LABEL$}{text:slots$}{note}", ""), Ink::Dim)]
}

fn row(label: &str, cells: &[Cell<'_>], draw: &dyn Fn(&Cell<'_>) -> (char, Ink), value: &str) -> Vec<Piece> {
    let mut line = vec![(format!("{label:LABEL$}"), Ink::Dim)];
    for cell in cells {
        let (sign, ink) = draw(cell);
        match line.last_mut() {
            Some((text, last)) if *last == ink => text.push(sign),
            _ => line.push((sign.to_string(), ink)),
        }
    }
    line.push((format!(" {value}"), Ink::Plain));
    line
}

fn holder(sample: &Sample) -> (char, Ink) {
    match (sample.holder, sample.offer) {
        (Some(Site::Laptop), _) => ('L', Ink::Laptop),
        (Some(Site::Cloud), _) => ('c', Ink::Cloud),
        (None, Some(_)) => ('>', Ink::Waiting),
        (None, None) => ('·', Ink::Bad),
    }
}

fn term(cell: &Cell<'_>) -> (char, Ink) {
    if cell.new_term {
        (char::from_digit(u32::try_from(cell.sample.term % 10).unwrap_or(0), 10).unwrap_or('?'), Ink::Plain)
    } else {
        ('·', Ink::Dim)
    }
}

fn probe(text: &str) -> (char, Ink) {
    match Tone::of(text) {
        Tone::Good => ('=', Ink::Good),
        Tone::Waiting => ('~', Ink::Waiting),
        Tone::Bad => ('x', Ink::Bad),
        Tone::Idle => ('·', Ink::Dim),
    }
}

fn wanted(text: &str) -> (char, Ink) {
    match class_of(text).as_str() {
        "on" => ('+', Ink::Good),
        "off" => ('-', Ink::Dim),
        "hold" => ('h', Ink::Waiting),
        _ => ('·', Ink::Dim),
    }
}

fn instance(text: &str) -> (char, Ink) {
    match class_of(text).as_str() {
        "pending" => ('p', Ink::Waiting),
        "running" => ('R', Ink::Good),
        "stopping" | "shutting-down" => ('d', Ink::Waiting),
        "stopped" => ('s', Ink::Dim),
        _ => ('·', Ink::Dim),
    }
}

fn answered(count: u64, node: &str, ink: Ink) -> (char, Ink) {
    match (count, Tone::of(node)) {
        (0, Tone::Bad) => ('x', Ink::Bad),
        (0, Tone::Waiting) => ('z', Ink::Waiting),
        (0, Tone::Good | Tone::Idle) => ('·', Ink::Dim),
        (count, _) => (digit(count), ink),
    }
}

fn missed(count: u64) -> (char, Ink) {
    if count == 0 { ('·', Ink::Dim) } else { (digit(count), Ink::Bad) }
}

fn digit(count: u64) -> char {
    u32::try_from(count).ok().and_then(|count| char::from_digit(count, 10)).unwrap_or('+')
}

fn dim(text: &str) -> Vec<Piece> {
    vec![(text.to_owned(), Ink::Dim)]
}

/// Cuts a line so that the terminal never wraps it, and takes the power from control characters.
pub(super) fn clip(line: Vec<Piece>, columns: usize) -> Vec<Piece> {
    let mut left = columns;
    line.into_iter()
        .map(|(text, ink)| {
            let cut: String = text.chars().take(left).map(printable).collect();
            left -= cut.chars().count();
            (cut, ink)
        })
        .filter(|(text, _)| !text.is_empty())
        .collect()
}

/// A control character of somebody else's text would move our cursor.
pub(super) fn printable(sign: char) -> char {
    if sign.is_control() { '?' } else { sign }
}

/// A moment for the left edge of a line: `  40.0 s`.
pub(super) fn moment(at_ms: u64) -> String {
    format!("{:>6} s", seconds(at_ms))
}

#[cfg(test)]
mod tests {
    use super::Ink;
    use super::{HEIGHT, Piece, Strip, clip, slot_ms};
    use crate::report::sample;

    fn text(line: &[Piece]) -> String {
        line.iter().map(|(text, _)| text.as_str()).collect()
    }

    fn crash() -> Vec<String> {
        let report = sample::drill();
        let mut strip = Strip::new("crash", "the laptop dies", 150_000);
        for sample in &report.scenes[0].timeline.samples {
            strip.push(sample);
        }
        strip.frame(100).iter().map(|line| text(line)).collect()
    }

    #[test]
    fn every_frame_has_the_same_height_and_fits() {
        let mut strip = Strip::new("crash", &"title ".repeat(40), 95_000);
        for second in 0..200 {
            strip.push(&sample::look(second * 1000));
            for columns in [40, 80, 200] {
                let frame = strip.frame(columns);
                assert_eq!(frame.len(), HEIGHT);
                assert!(frame.iter().all(|line| text(line).chars().count() <= columns.max(44)));
            }
        }
    }

    #[test]
    fn rows_show_who_held_the_lease_and_who_answered() {
        let frame = crash();
        let row = |label: &str| frame.iter().find(|line| line.starts_with(label)).unwrap().clone();
        assert!(row("holder").contains("LLLcccc"), "{frame:#?}");
        assert!(row("holder").ends_with("cloud · term 2"));
        assert!(row("probe").contains("===xxx"));
        assert!(row("instance").contains("····pp") && row("instance").contains("pRR"));
        assert!(row("laptop").contains("3331xx"), "{}", row("laptop"));
        assert!(row("missed").trim_end().ends_with("52"));
    }

    #[test]
    fn a_column_lasts_whole_seconds() {
        assert_eq!([slot_ms(0, 60), slot_ms(59_999, 60), slot_ms(60_000, 60)], [1000, 1000, 2000]);
    }

    #[test]
    fn control_characters_lose_their_power() {
        let line = clip(vec![("a\u{1b}[2Jb\n".to_owned(), Ink::Plain), ("tail".to_owned(), Ink::Dim)], 8);
        assert_eq!(text(&line), "a?[2Jb?t");
    }
}
