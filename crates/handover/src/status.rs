//! What the service manager is told (`sd_notify(3)`). Without one nothing happens.
//!
//! The manager's socket is written by a thread of its own: a manager that does not read must not stop the loop that lets
//! the machine sleep.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use sd_notify::NotifyState;

use crate::agent::Phase;

/// What is said at most before the manager has heard the first of it.
const QUEUE: usize = 64;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Ready,
    Phase(Option<Phase>),
    Alive,
    Stopping,
}

/// The line to the manager.
#[derive(Debug)]
pub(crate) struct Status {
    words: SyncSender<Word>,
    shown: Option<Option<Phase>>,
}

impl Status {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (words, heard) = sync_channel(QUEUE);
        let named = std::thread::Builder::new().name("relais-status".to_owned());
        named.spawn(move || pass_on(&heard)).context("start a thread for the service manager")?;
        Ok(Self { words, shown: None })
    }

    /// The locks are held, or it is too late for them: whoever waits for this service may go on.
    pub(crate) fn ready(&self) {
        self.say(Word::Ready);
    }

    /// A line for `systemctl status`; none: awake, and without the locks.
    pub(crate) fn phase(&mut self, phase: Option<Phase>) {
        if self.shown != Some(phase) {
            self.shown = Some(phase);
            self.say(Word::Phase(phase));
        }
    }

    /// The loop still turns.
    pub(crate) fn alive(&self) {
        self.say(Word::Alive);
    }

    /// The service ends by itself.
    pub(crate) fn stopping(&self) {
        self.say(Word::Stopping);
    }

    fn say(&self, word: Word) {
        // With the queue full the manager has not listened for long: it misses a line.
        let _ = self.words.try_send(word);
    }
}

/// How often [`Status::alive`] is to be said: twice in the time after which the manager takes this process for stuck.
pub(crate) fn alive_every() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(3600), |most| most / 2).max(Duration::from_millis(1))
}

fn pass_on(words: &Receiver<Word>) {
    while let Ok(word) = words.recv() {
        let state = match word {
            Word::Ready => NotifyState::Ready,
            Word::Phase(None) => NotifyState::Status("awake, sleep and shutdown wait for nobody"),
            Word::Phase(Some(phase)) => NotifyState::Status(phase.as_str()),
            Word::Alive => NotifyState::Watchdog,
            Word::Stopping => NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(%error, "service manager not told");
        }
    }
}
