//! The live view of a running scene: a block redrawn in place on a terminal, one line a change elsewhere.
//!
//! The only I/O of the report. A display that cannot be written to must not end a drill, so write errors are ignored.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
};

use crossterm::{
    cursor::{Hide, MoveToColumn, MoveUp, Show},
    queue,
    style::{Color, Print, ResetColor, SetForegroundColor},
    terminal::{self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate},
};

use super::{
    Mark, MarkKind, Sample, SceneReport, seconds,
    strip::{HEIGHT, Ink, Piece, Strip, clip, moment, printable},
    table,
    timeline::class_of,
};

/// Real time between two plain lines while nothing changes.
const HEARTBEAT_MS: u64 = 5000;

/// Whether stdout should be coloured: a terminal, not a dumb one, and `NO_COLOR` not set (no-color.org).
#[must_use]
pub fn colour_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_screen() && !refused
}

/// Shows the cursor again; for whoever leaves the process without dropping its [`Live`].
pub fn restore_cursor() {
    if is_screen() {
        let mut out = io::stdout();
        let _ = queue!(out, Show, ResetColor);
        let _ = out.flush();
    }
}

fn is_screen() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The live view of one scene. Dropping it restores the cursor, so a task that ends on Ctrl-C leaves a clean terminal;
/// a process killed outright does not get there.
pub struct Live {
    out: Box<dyn Write + Send>,
    view: View,
}

enum View {
    Block { strip: Strip, columns: Option<usize>, colour: bool, drawn: bool },
    Plain(Plain),
    Ended,
}

impl Live {
    /// Begins the view of a scene on stdout: a block if that is a terminal with room for it, plain lines if not.
    #[must_use]
    pub fn start(scene: &str, title: &str, expected_protocol_ms: u64) -> Self {
        let room = terminal::size().is_ok_and(|(columns, rows)| columns >= 50 && usize::from(rows) > HEIGHT + 2);
        let out = Box::new(io::stdout());
        if is_screen() && room {
            Self::block(out, scene, title, expected_protocol_ms, None, colour_wanted())
        } else {
            Self::plain(out, scene, title, expected_protocol_ms)
        }
    }

    /// Begins a plain view: one line a change, and a line every five seconds of real time while nothing changes.
    #[must_use]
    pub fn plain(mut out: Box<dyn Write + Send>, scene: &str, title: &str, expected_protocol_ms: u64) -> Self {
        let plain = Plain::new(scene);
        let about = seconds(expected_protocol_ms);
        let _ = writeln!(out, "{}", plain.line(0, &format!("{title} (about {about} s of protocol time)")));
        let _ = out.flush();
        Self { out, view: View::Plain(plain) }
    }

    /// Begins a block that is redrawn in place. `columns` fixes its width; without it each frame asks the terminal.
    #[must_use]
    pub fn block(
        out: Box<dyn Write + Send>,
        scene: &str,
        title: &str,
        expected_protocol_ms: u64,
        columns: Option<usize>,
        colour: bool,
    ) -> Self {
        let strip = Strip::new(scene, title, expected_protocol_ms);
        let mut live = Self { out, view: View::Block { strip, columns, colour, drawn: false } };
        live.draw(None);
        live
    }

    /// Shows the world as it is now.
    pub fn sample(&mut self, sample: &Sample) {
        match &mut self.view {
            View::Block { strip, .. } => {
                strip.push(sample);
                self.draw(None);
            }
            View::Plain(plain) => {
                let lines = plain.changes(sample, relais_host::clock::now().as_millis());
                self.print(&lines);
            }
            View::Ended => {}
        }
    }

    /// Shows something that happened; on a terminal it scrolls away above the block.
    pub fn mark(&mut self, mark: &Mark) {
        let line = match &mut self.view {
            View::Block { .. } => {
                self.draw(Some(mark));
                return;
            }
            View::Plain(plain) => {
                plain.spoke_ms = relais_host::clock::now().as_millis();
                plain.line(mark.at_ms, &format!("{:9} {}", mark.kind.word(), mark.text))
            }
            View::Ended => return,
        };
        self.print(&[line]);
    }

    /// Ends the view with the scene's verdict. Later calls show nothing.
    pub fn finish(&mut self, report: &SceneReport) {
        let line = match &self.view {
            View::Block { .. } => {
                self.draw(None);
                format!("{} {}", report.scene, table::sentence(report))
            }
            View::Plain(plain) => plain.line(report.protocol_ms, &table::sentence(report)),
            View::Ended => return,
        };
        self.end();
        self.print(&[line.chars().map(printable).collect()]);
    }

    fn print(&mut self, lines: &[String]) {
        for line in lines {
            let _ = writeln!(self.out, "{line}");
        }
        let _ = self.out.flush();
    }

    /// One frame in one write, over the last one; `mark` goes above it and stays.
    fn draw(&mut self, mark: Option<&Mark>) {
        let View::Block { strip, columns, colour, drawn } = &mut self.view else { return };
        let columns = columns.unwrap_or_else(|| terminal::size().map_or(80, |(columns, _)| usize::from(columns)));
        // The last column stays empty: some terminals wrap as soon as it is written.
        let columns = columns.saturating_sub(1);
        let mut bytes: Vec<u8> = Vec::new();
        let _ = queue!(bytes, BeginSynchronizedUpdate, Hide);
        if *drawn {
            let _ = queue!(bytes, MoveUp(u16::try_from(HEIGHT).unwrap_or(1)), MoveToColumn(0));
        }
        let above = mark.map(|mark| clip(mark_pieces(mark), columns));
        for line in above.into_iter().chain(strip.frame(columns)) {
            for piece in &line {
                paint(&mut bytes, piece, *colour);
            }
            let _ = queue!(bytes, Clear(ClearType::UntilNewLine), Print("\n"), MoveToColumn(0));
        }
        let _ = queue!(bytes, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate);
        *drawn = true;
        let _ = self.out.write_all(&bytes);
        let _ = self.out.flush();
    }

    fn end(&mut self) {
        if let View::Block { .. } = std::mem::replace(&mut self.view, View::Ended) {
            let _ = queue!(self.out, Show);
            let _ = self.out.flush();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

fn mark_pieces(mark: &Mark) -> Vec<Piece> {
    let ink = match mark.kind {
        MarkKind::Fault => Ink::Bad,
        MarkKind::Recovery => Ink::Good,
        MarkKind::Watchdog | MarkKind::Instance => Ink::Waiting,
        MarkKind::Lease | MarkKind::Bot | MarkKind::Promise => Ink::Plain,
    };
    vec![
        (format!("{}  ", moment(mark.at_ms)), Ink::Dim),
        (format!("{:9}", mark.kind.word()), ink),
        (format!(" {}", mark.text), Ink::Plain),
    ]
}

fn paint(bytes: &mut Vec<u8>, (text, ink): &Piece, colour: bool) {
    let tint = match ink {
        Ink::Plain => None,
        Ink::Dim => Some(Color::DarkGrey),
        Ink::Laptop => Some(Color::Blue),
        Ink::Cloud => Some(Color::Yellow),
        Ink::Good => Some(Color::Green),
        Ink::Waiting => Some(Color::Magenta),
        Ink::Bad => Some(Color::Red),
    };
    let _ = match tint {
        // crossterm leaves colours out by itself when NO_COLOR is set.
        Some(tint) if colour => queue!(bytes, SetForegroundColor(tint), Print(text), ResetColor),
        Some(_) | None => queue!(bytes, Print(text)),
    };
}

/// What the plain view has said, so that it says only what is new.
struct Plain {
    scene: String,
    last: Option<Sample>,
    spoke_ms: u64,
}

impl Plain {
    fn new(scene: &str) -> Self {
        Self { scene: scene.to_owned(), last: None, spoke_ms: relais_host::clock::now().as_millis() }
    }

    fn line(&self, at_ms: u64, text: &str) -> String {
        format!("{} {}  {text}", self.scene, moment(at_ms)).chars().map(printable).collect()
    }

    fn changes(&mut self, sample: &Sample, real_ms: u64) -> Vec<String> {
        let facts = |sample: &Sample| {
            [
                ("lease", sample.lease_words()),
                ("probe", class_of(&sample.probe)),
                ("wanted", class_of(&sample.desired)),
                ("instance", class_of(&sample.instance)),
                ("laptop", class_of(&sample.nodes.laptop)),
                ("cloud", sample.cloud_words()),
            ]
        };
        let before = self.last.as_ref().map(facts);
        let mut lines = Vec::new();
        for (index, (name, value)) in facts(sample).into_iter().enumerate() {
            let was = before.as_ref().and_then(|facts| facts.get(index)).map(|(_, value)| value.as_str());
            match was {
                Some(was) if was == value => {}
                Some(was) => lines.push(self.line(sample.at_ms, &format!("{name:9} {was} -> {value}"))),
                None => lines.push(self.line(sample.at_ms, &format!("{name:9} {value}"))),
            }
        }
        if lines.is_empty() && real_ms.saturating_sub(self.spoke_ms) >= HEARTBEAT_MS {
            let text = format!(
                "{:9} {}; answered: laptop {}, cloud {}; missed {}",
                "running",
                sample.lease_words(),
                sample.answered_laptop,
                sample.answered_cloud,
                sample.missed
            );
            lines.push(self.line(sample.at_ms, &text));
        }
        if !lines.is_empty() {
            self.spoke_ms = real_ms;
        }
        self.last = Some(sample.clone());
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::{HEARTBEAT_MS, Live, Plain};
    use crate::report::sample;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn plain_lines_tell_each_change_once() {
        let out = Shared::default();
        let report = sample::drill();
        let scene = &report.scenes[0];
        let mut live = Live::plain(Box::new(out.clone()), "crash", "the laptop dies", 150_000);
        for sample in &scene.timeline.samples {
            live.sample(sample);
        }
        live.mark(&scene.timeline.marks[2]);
        live.finish(scene);
        live.sample(&scene.timeline.samples[0]);
        let text = out.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "crash    0.0 s  the laptop dies (about 150.0 s of protocol time)");
        assert!(lines.contains(&"crash   40.0 s  probe     ok -> unreachable"), "{text}");
        assert!(lines.contains(&"crash   88.0 s  lease     laptop · term 1 -> cloud · term 2"), "{text}");
        assert!(lines.contains(&"crash   40.0 s  fault     laptop killed (bot and health)"), "{text}");
        assert!(lines.last().unwrap().starts_with("crash  150.0 s  passed: 1 speaker(s)"), "{text}");
        assert_eq!(text.matches("probe ").count(), 2, "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_quiet_plain_view_still_breathes() {
        let mut plain = Plain::new("home");
        plain.spoke_ms = 0;
        assert!(!plain.changes(&sample::look(0), 0).is_empty());
        assert!(plain.changes(&sample::look(1000), HEARTBEAT_MS - 1).is_empty());
        let lines = plain.changes(&sample::look(2000), HEARTBEAT_MS);
        assert_eq!(lines, ["home    2.0 s  running   free; answered: laptop 0, cloud 0; missed 0"]);
        assert!(plain.changes(&sample::look(3000), HEARTBEAT_MS + 1).is_empty());
    }

    #[test]
    fn a_block_is_redrawn_in_place_and_gives_the_cursor_back() {
        let out = Shared::default();
        let mut live = Live::block(Box::new(out.clone()), "crash", "the laptop dies", 150_000, Some(80), false);
        live.sample(&sample::look(1000));
        live.mark(&sample::drill().scenes[0].timeline.marks[2]);
        drop(live);
        let text = out.text();
        assert_eq!(text.matches("\u{1b}[14A").count(), 2, "each frame but the first moves up over the last");
        assert!(text.contains("laptop killed (bot and health)"));
        assert!(text.contains("\u{1b}[?25l") && text.ends_with("\u{1b}[?25h"));
    }

    #[test]
    fn a_finished_block_gives_the_cursor_back_once() {
        let out = Shared::default();
        let mut live = Live::block(Box::new(out.clone()), "crash", "the laptop dies", 150_000, Some(80), false);
        live.finish(&sample::drill().scenes[0]);
        drop(live);
        assert_eq!(out.text().matches("\u{1b}[?25h").count(), 1);
        assert!(out.text().trim_end().ends_with("53.0 s without a speaker"));
    }
}
