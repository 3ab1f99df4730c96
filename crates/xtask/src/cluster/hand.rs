//! What is done to clusters, by programs of others: run, listened to, and ended when the person at the terminal has enough.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::process::Log;

const POLL: Duration = Duration::from_millis(20);
/// How long a program that shows itself may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(20);

/// Runs programs, says what happens, and stops at Ctrl-C.
pub(crate) struct Hand<'a> {
    log: &'a Log,
    stop: Arc<AtomicBool>,
}

impl<'a> Hand<'a> {
    /// Where everything is written down.
    pub(crate) const fn log(&self) -> &'a Log {
        self.log
    }

    /// From now on Ctrl-C and SIGTERM are heard here, so that what was started can be ended; a second one ends at once.
    ///
    /// # Errors
    /// The signals cannot be heard.
    pub(crate) fn listening(log: &'a Log) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop)).context("hear Ctrl-C")?;
            signal_hook::flag::register(signal, Arc::clone(&stop)).context("hear Ctrl-C")?;
        }
        Ok(Self { log, stop })
    }

    /// One that hears nothing and is not to be stopped: for the end of things.
    pub(crate) fn stubborn(&self) -> Self {
        Self { log: self.log, stop: Arc::default() }
    }

    /// A hand for one act of a process that somebody else started, and ends.
    pub(crate) fn plain(log: &'a Log) -> Self {
        Self { log, stop: Arc::default() }
    }

    /// A line for terminal and log.
    pub(crate) fn say(&self, line: &str) -> anyhow::Result<()> {
        self.log.say(line)
    }

    /// Fails once somebody wants an end.
    pub(crate) fn go_on(&self) -> anyhow::Result<()> {
        ensure!(!self.stop.load(Ordering::Relaxed), "interrupted");
        Ok(())
    }

    /// Waits, unless somebody wants an end.
    pub(crate) fn pause(&self, time: Duration) -> anyhow::Result<()> {
        let began = SystemTime::now();
        while began.elapsed().is_ok_and(|elapsed| elapsed < time) {
            self.go_on()?;
            std::thread::sleep(POLL.min(time));
        }
        Ok(())
    }

    /// Asks until there is an answer, at most so long; none then.
    pub(crate) fn until<T>(
        &self,
        seconds: u64,
        mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<Option<T>> {
        let began = SystemTime::now();
        loop {
            if let Some(answer) = ask()? {
                return Ok(Some(answer));
            }
            if began.elapsed().is_ok_and(|elapsed| elapsed > Duration::from_secs(seconds)) {
                return Ok(None);
            }
            self.pause(Duration::from_millis(200))?;
        }
    }

    /// Runs a program to its end; what it printed.
    ///
    /// # Errors
    /// It cannot be started, it failed (with its own last words), or somebody wants an end.
    pub(crate) fn run(&self, command: Command) -> anyhow::Result<String> {
        let shown = name(&command);
        let ended = self.ended(command)?;
        ensure!(ended.success, "{shown}: {}", ended.last_words());
        Ok(ended.out)
    }

    /// Runs a program to its end, however that is.
    ///
    /// # Errors
    /// It cannot be started, or somebody wants an end.
    pub(crate) fn ended(&self, mut command: Command) -> anyhow::Result<Ended> {
        self.go_on()?;
        let shown = name(&command);
        // A group of its own: Ctrl-C is for us, who then end what runs in good order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
        let (out, err) = (heard(child.stdout.take()), heard(child.stderr.take()));
        let status = loop {
            if let Some(status) = child.try_wait().with_context(|| format!("wait for {shown}"))? {
                break status;
            }
            if self.go_on().is_err() {
                end(&mut child);
                bail!("interrupted");
            }
            std::thread::sleep(POLL);
        };
        Ok(Ended { success: status.success(), out: text(out), err: text(err) })
    }
}

impl Hand<'_> {
    /// Runs a program that shows itself on the terminal; whether it ended with 0.
    ///
    /// # Errors
    /// It cannot be started, or somebody wants an end.
    pub(crate) fn shown(&self, mut command: Command) -> anyhow::Result<bool> {
        let shown = name(&command);
        command.process_group(0).stdin(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("start {shown}"))?;
        let mut asked: Option<SystemTime> = None;
        loop {
            if let Some(status) = child.try_wait().with_context(|| format!("wait for {shown}"))? {
                self.go_on()?;
                return Ok(status.success());
            }
            match asked {
                // It may have things of its own to end.
                None if self.go_on().is_err() => {
                    signal(&child, Signal::TERM);
                    asked = Some(SystemTime::now());
                }
                Some(since) if since.elapsed().is_ok_and(|waited| waited > GRACE) => {
                    end(&mut child);
                    bail!("interrupted");
                }
                None | Some(_) => {}
            }
            std::thread::sleep(POLL);
        }
    }
}

/// How a program ended.
pub(crate) struct Ended {
    /// With 0.
    pub(crate) success: bool,
    /// What it printed.
    pub(crate) out: String,
    /// What it complained of.
    pub(crate) err: String,
}

impl Ended {
    /// The last line of its complaints.
    pub(crate) fn last_words(&self) -> &str {
        let said = self.err.lines().rfind(|line| !line.trim().is_empty());
        said.or_else(|| self.out.lines().last()).unwrap_or("no word about why")
    }
}

/// Ends a child and everything in its group.
pub(crate) fn end(child: &mut Child) {
    signal(child, Signal::KILL);
    let _ = child.wait();
}

fn signal(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Fails when the group has ended by itself.
        let _ = kill_process_group(group, signal);
    }
}

fn heard(stream: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn text(thread: std::thread::JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
}

/// The program and what it was told first, for errors.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy();
    let told: Vec<_> = command.get_args().take(4).map(|word| word.to_string_lossy()).collect();
    format!("{program} {}", told.join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_hand(test: impl Fn(&Hand<'_>)) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(&folder.path().join("log")).unwrap();
        test(&Hand::plain(&log));
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_last_words() {
        with_hand(|hand| {
            assert_eq!(hand.run(shell("echo yes")).unwrap(), "yes\n");
            let error = hand.run(shell("echo first >&2; echo why >&2; exit 3")).unwrap_err().to_string();
            assert!(error.starts_with("sh -c") && error.ends_with(": why"), "{error}");
        });
    }

    #[test]
    fn who_has_enough_is_heard_while_a_program_runs() {
        with_hand(|hand| {
            let stop = Arc::clone(&hand.stop);
            let later = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(100));
                stop.store(true, Ordering::Relaxed);
            });
            let error = hand.run(shell("sleep 1000")).unwrap_err().to_string();
            assert_eq!(error, "interrupted");
            later.join().unwrap();
            assert!(hand.pause(Duration::from_secs(1000)).is_err());
            assert!(hand.stubborn().run(shell("true")).is_ok(), "what ends things is not interrupted");
        });
    }

    #[test]
    fn a_program_that_shows_itself_may_end_its_own_things_first() {
        let folder = tempfile::tempdir().unwrap();
        let (begun, ended) = (folder.path().join("begun"), folder.path().join("ended"));
        let script = format!(
            "trap 'touch {}; exit 0' TERM; touch {}; while :; do sleep 0.05; done",
            ended.display(),
            begun.display()
        );
        with_hand(|hand| {
            assert!(!hand.shown(shell("exit 3")).unwrap());
            let stop = Arc::clone(&hand.stop);
            let begun = begun.clone();
            let later = std::thread::spawn(move || {
                while !begun.exists() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                stop.store(true, Ordering::Relaxed);
            });
            assert_eq!(hand.shown(shell(&script)).unwrap_err().to_string(), "interrupted");
            later.join().unwrap();
        });
        assert!(ended.exists());
    }

    #[test]
    fn an_answer_that_does_not_come_is_none() {
        with_hand(|hand| {
            let mut asked = 0;
            let found = hand.until(60, || {
                asked += 1;
                Ok((asked == 3).then_some(asked))
            });
            assert_eq!(found.unwrap(), Some(3));
            assert_eq!(hand.until(0, || Ok(None::<u8>)).unwrap(), None);
        });
    }
}
