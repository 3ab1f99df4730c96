//! What people see on the way: sentences, and one line about how far it is.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use relais_failover::Timestamp;
use relais_host::clock;

/// On a terminal the line is drawn anew this often at most.
const REDRAW: Duration = Duration::from_millis(200);
/// Elsewhere, in a log, there is a new line this often at most.
const LINE: Duration = Duration::from_secs(5);

/// Where they see it.
pub struct Screen {
    inner: Mutex<Inner>,
    terminal: bool,
}

struct Inner {
    out: Box<dyn Write + Send>,
    drawn: Option<Timestamp>,
    /// A line stands there that the next one overwrites.
    open: bool,
}

impl core::fmt::Debug for Screen {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Screen").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Screen {
    /// On stderr, so that stdout has the result alone.
    #[must_use]
    pub fn stderr() -> Self {
        Self::on(Box::new(io::stderr()), io::stderr().is_terminal())
    }

    /// Anywhere else. On a `terminal` the line is drawn over itself.
    #[must_use]
    pub fn on(out: Box<dyn Write + Send>, terminal: bool) -> Self {
        Self { inner: Mutex::new(Inner { out, drawn: None, open: false }), terminal }
    }

    /// Says a sentence.
    pub fn say(&self, sentence: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.close();
        // Whoever closed stderr does not want to hear.
        let _ = writeln!(inner.out, "{sentence}");
    }

    /// Shows how far it is, if the last time was long enough ago; the end is always shown.
    pub fn show(&self, what: &str, done: &Done) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, pause) = (clock::now(), if self.terminal { REDRAW } else { LINE });
        let ended = done.bytes >= done.all;
        if !ended && inner.drawn.is_some_and(|drawn| now.since(drawn) < pause) {
            return;
        }
        inner.drawn = (!ended).then_some(now);
        let text = format!("{what} {}", line(done));
        if self.terminal {
            let _ = write!(inner.out, "\r\x1b[K{text}");
            let _ = inner.out.flush();
            inner.open = true;
            if ended {
                inner.close();
            }
        } else {
            let _ = writeln!(inner.out, "{text}");
        }
    }
}

impl Inner {
    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = writeln!(self.out);
        }
    }
}

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Bytes that are done.
    pub bytes: u64,
    /// All bytes.
    pub all: u64,
    /// Bytes that were done before this run: they say nothing about its pace.
    pub before: u64,
    /// How long this run has taken.
    pub time: Duration,
}

/// `120.5 of 300.0 MiB, 40 %, 12.1 MiB/s, 15 s left`
#[must_use]
pub fn line(done: &Done) -> String {
    let percent = done.bytes.saturating_mul(100).checked_div(done.all).unwrap_or(100);
    let (unit, size) = if done.all >= 1 << 30 { ("GiB", 1 << 30) } else { ("MiB", 1 << 20) };
    let mut text = format!("{} of {} {unit}, {percent} %", tenths(done.bytes, size), tenths(done.all, size));
    let (now, millis) = (done.bytes.saturating_sub(done.before), done.time.as_millis());
    if let Some(pace) = u128::from(now).saturating_mul(1000).checked_div(millis).filter(|pace| *pace > 0) {
        let (unit, size) = if pace >= 1 << 20 { ("MiB", 1 << 20) } else { ("KiB", 1 << 10) };
        text += &format!(", {} {unit}/s", tenths(u64::try_from(pace).unwrap_or(u64::MAX), size));
        let left = u128::from(done.all.saturating_sub(done.bytes)) / pace;
        if done.bytes < done.all {
            text += &if left < 120 { format!(", {left} s left") } else { format!(", {} min left", left / 60) };
        }
    }
    text
}

/// With one digit behind the point.
pub(crate) fn tenths(bytes: u64, unit: u64) -> String {
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn done(bytes: u64, before: u64, seconds: u64) -> Done {
        Done { bytes: bytes * MIB, all: 300 * MIB, before: before * MIB, time: Duration::from_secs(seconds) }
    }

    #[test]
    fn the_line_has_size_share_pace_and_what_is_left() {
        assert_eq!(line(&done(120, 0, 10)), "120.0 of 300.0 MiB, 40 %, 12.0 MiB/s, 15 s left");
        assert_eq!(line(&done(300, 0, 10)), "300.0 of 300.0 MiB, 100 %, 30.0 MiB/s");
        assert_eq!(line(&done(0, 0, 0)), "0.0 of 300.0 MiB, 0 %");
        assert_eq!(line(&done(1, 0, 10)), "1.0 of 300.0 MiB, 0 %, 102.3 KiB/s, 49 min left");
        let large = Done { bytes: 3 << 29, all: 2 << 30, ..done(0, 0, 0) };
        assert_eq!(line(&large), "1.5 of 2.0 GiB, 75 %");
        assert_eq!(line(&Done { bytes: 0, all: 0, ..large }), "0.0 of 0.0 MiB, 100 %");
    }

    #[test]
    fn what_an_earlier_run_did_is_no_pace() {
        assert_eq!(line(&done(120, 100, 10)), "120.0 of 300.0 MiB, 40 %, 2.0 MiB/s, 90 s left");
        assert_eq!(line(&done(100, 100, 10)), "100.0 of 300.0 MiB, 33 %");
    }

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_has_one_line_and_a_log_has_few() {
        for (terminal, expected) in [
            (true, "\r\x1b[Ksent 0.0 of 300.0 MiB, 0 %\nword\n\r\x1b[Ksent 300.0 of 300.0 MiB, 100 %\n"),
            (false, "sent 0.0 of 300.0 MiB, 0 %\nword\nsent 300.0 of 300.0 MiB, 100 %\n"),
        ] {
            let paper = Paper::default();
            let screen = Screen::on(Box::new(paper.clone()), terminal);
            screen.show("sent", &done(0, 0, 0));
            screen.say("word");
            screen.show("sent", &done(300, 0, 0));
            assert_eq!(String::from_utf8(paper.0.lock().unwrap().clone()).unwrap(), expected);
        }
    }
}
