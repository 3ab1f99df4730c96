//! The process that is measured, and what the kernel tells about it (proc(5)).

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, Signal, kill_process},
};

/// How long a bot may take to end after SIGTERM.
const FAREWELL: Duration = Duration::from_secs(20);

/// A bot that runs; it is killed when this is dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

/// Resident memory, KiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Now.
    pub now_kib: u64,
    /// The most it ever was.
    pub peak_kib: u64,
}

impl Running {
    /// Starts it; what it says goes to `log`.
    ///
    /// # Errors
    /// The program or the log cannot be opened.
    pub fn spawn(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("make {}", log.display()))?;
        let program = command.get_program().display().to_string();
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("start {program}"))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Fails with the end of its log if it has ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the bot ended with {status}: {}", self.last_words()),
        }
    }

    /// The last lines of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
    }

    /// Its resident memory.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = self.proc("status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("no {name} in /proc"))
        };
        Ok(Memory { now_kib: kib("VmRSS")?, peak_kib: kib("VmHWM")? })
    }

    /// Processor time since its start, all threads, user and kernel.
    ///
    /// # Errors
    /// It has ended.
    pub fn processor(&self) -> anyhow::Result<Duration> {
        let stat = self.proc("stat")?;
        // The second field is a name in parentheses and may hold spaces; utime and stime are the 14th and 15th.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest).context("no name in /proc")?;
        let fields: Vec<u64> =
            rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        let ticks: u64 = fields.iter().sum();
        Ok(Duration::from_millis(ticks * 1000 / clock_ticks_per_second()))
    }

    /// SIGTERM, and SIGKILL if that is not enough.
    pub async fn stop(mut self) {
        if kill_process(Pid::from_child(&self.child), Signal::TERM).is_err() {
            return;
        }
        for _ in 0..FAREWELL.as_millis() / 10 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
