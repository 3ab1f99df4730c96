//! The small Discord and its users beside a cluster: a process of `watchdog-local`, told what to do a word at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::hand::{Hand, end};

/// A running company. Dropping it ends it.
pub(crate) struct Company {
    child: Child,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Company {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Company {
    /// Starts what `command` says.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        command.process_group(0).env("RELAIS_DIE_WITH_PARENT", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the small Discord")?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (words, answers) = pipes.context("the small Discord has no pipes")?;
        let mut company = Self { child, words, answers: BufReader::new(answers) };
        company.ask("look").context("reach the small Discord")?;
        Ok(company)
    }

    /// One word and its answer.
    ///
    /// # Errors
    /// It is gone, or could not do it.
    pub(crate) fn ask(&mut self, word: &str) -> anyhow::Result<Value> {
        writeln!(self.words, "{word}").with_context(|| format!("say {word}"))?;
        self.words.flush().with_context(|| format!("say {word}"))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).with_context(|| format!("hear the answer to {word}"))?;
        ensure!(!line.is_empty(), "the small Discord ended before it answered {word}");
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("read the answer to {word}"))?;
        ensure!(answer.get("error").is_none(), "{word}: {}", answer["error"]);
        Ok(answer)
    }

    /// The moment now, by its clock.
    ///
    /// # Errors
    /// As [`Company::ask`].
    pub(crate) fn now_ms(&mut self) -> anyhow::Result<u64> {
        self.ask("look")?["now_ms"].as_u64().context("no time")
    }

    /// Waits until the bot has had an effect after a moment; how long after it, ms. None if it had none in time.
    ///
    /// # Errors
    /// As [`Company::ask`], or somebody wants an end.
    pub(crate) fn spoken_since(&mut self, hand: &Hand<'_>, moment: u64, seconds: u64) -> anyhow::Result<Option<u64>> {
        hand.until(seconds, || {
            let last = self.ask("look")?["last_effect_ms"].as_u64();
            Ok(last.and_then(|last| last.checked_sub(moment)).filter(|after| *after > 0))
        })
    }
}
