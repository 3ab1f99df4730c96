//! A child process whose output goes to the terminal and to a kept log at once.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

const POLL: Duration = Duration::from_millis(50);

/// The log of one step; every command of the step is appended.
pub(crate) struct Log {
    file: Arc<Mutex<File>>,
}

/// A child that ended.
pub(crate) struct Finished {
    /// Exit code 0.
    pub(crate) success: bool,
    /// It was ended for taking longer than its limit.
    pub(crate) timed_out: bool,
    /// How it ended, in words, for the table.
    pub(crate) ending: String,
    /// Both streams in their order, without colours.
    pub(crate) text: String,
}

impl Log {
    /// A new, empty log.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { file: Arc::new(Mutex::new(file)) })
    }

    /// A line of the gate's own, for terminal and log.
    pub(crate) fn say(&self, line: &str) -> anyhow::Result<()> {
        println!("{line}");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").context("write the log")
    }

    /// Runs a child to its end, or kills it after `limit`.
    ///
    /// # Errors
    /// If it cannot be started or waited for. A child that fails is no error: see [`Finished::success`].
    pub(crate) fn run(&self, mut command: Command, limit: Option<Duration>) -> anyhow::Result<Finished> {
        let shown = words(&command);
        self.say(&format!("$ {shown}"))?;
        // One pipe for both streams keeps their lines in order: cargo names a test binary on one, its result is on the other.
        let (reader, writer) = std::io::pipe().context("make a pipe")?;
        command.stdin(std::process::Stdio::null()).stdout(writer.try_clone().context("share a pipe")?).stderr(writer);
        let started = SystemTime::now();
        let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
        // The command owns ends of the pipe; with them open the reader would wait for ever.
        drop(command);
        let text = Arc::new(Mutex::new(String::new()));
        let (file, kept) = (Arc::clone(&self.file), Arc::clone(&text));
        let copying = std::thread::spawn(move || copy(reader, &file, &kept));
        let mut timed_out = false;
        let status = loop {
            if let Some(status) = child.try_wait().context("wait for a child")? {
                break status;
            }
            if limit.is_some_and(|limit| started.elapsed().is_ok_and(|elapsed| elapsed > limit)) {
                timed_out = true;
                child.kill().context("end a child")?;
                break child.wait().context("wait for a child")?;
            }
            std::thread::sleep(POLL);
        };
        // Children of a killed child may hold the pipe open; what they say is not waited for.
        if !timed_out {
            let _ = copying.join();
        }
        let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ending = if timed_out { format!("no end within {limit:?}") } else { status.to_string() };
        Ok(Finished { success: status.success() && !timed_out, timed_out, ending, text })
    }
}

fn copy(reader: std::io::PipeReader, file: &Mutex<File>, text: &Mutex<String>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // A full disk or a closed terminal must not stop the child by a full pipe.
        let _ = std::io::stdout().write_all(&line);
        let plain = without_colour(&String::from_utf8_lossy(&line));
        let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(plain.as_bytes());
        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&plain);
        line.clear();
    }
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Text without terminal control sequences (`ESC [ … letter`).
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if rest.next() == Some('[') {
            for inner in rest.by_ref() {
                if matches!(inner, '@'..='~') {
                    break;
                }
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Log, without_colour};

    fn log(name: &str) -> (std::path::PathBuf, Log) {
        let path = std::env::temp_dir().join(format!("relais-xtask-{}-{name}.log", std::process::id()));
        let log = Log::create(&path).unwrap();
        (path, log)
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(without_colour("\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m x é\n"), "   Compiling x é\n");
    }

    #[test]
    fn both_streams_are_kept_in_their_order_and_logged() {
        let (path, log) = log("order");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let finished = log.run(command, None).unwrap();
        assert!(!finished.success);
        assert!(finished.ending.contains('3'), "{}", finished.ending);
        assert_eq!(finished.text, "one\ntwo\nthree\n");
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.starts_with("$ sh -c") && kept.ends_with("one\ntwo\nthree\n"), "{kept}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_child_over_its_limit_is_ended() {
        let (path, log) = log("limit");
        let mut command = Command::new("sleep");
        command.arg("60");
        let finished = log.run(command, Some(Duration::from_millis(100))).unwrap();
        assert!(!finished.success);
        assert!(finished.ending.starts_with("no end within"), "{}", finished.ending);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_that_names_it() {
        let (path, log) = log("absent");
        let error = log.run(Command::new("no-such-program-of-relais"), None).err().unwrap();
        assert!(format!("{error:#}").contains("no-such-program-of-relais"));
        std::fs::remove_file(path).unwrap();
    }
}
