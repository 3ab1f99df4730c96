//! `watchdog-local backup` and `restore`: everything that a store has as one file, and back into an empty store.

use std::fs::File;
use std::io::{BufReader, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use relais_bot::backup::errand::utc;
use relais_bot::backup::{mended, part_of, write};
use relais_failover::{ControlRecord, Version};
use relais_host::clock::{Boottime, Clock as _, random_128};
use relais_host::exit::BadUsage;
use relais_store::archive::{Checked, Counts, Fresh, Reader, Restored, Taken, restore, take, verify};

use crate::arguments::{Backup, Restore};

/// What stands for stdout.
const STDOUT: &str = "-";

/// Writes the file, or to stdout.
pub(crate) fn back_up(backup: &Backup) -> anyhow::Result<()> {
    let policy = relais_host::config::policy(backup.policy.as_deref())?;
    let url = backup.store.parse().map_err(|error| BadUsage(format!("--store: {error}")))?;
    let to = Path::new(&backup.to);
    let part = part_of(to);
    if let Some(there) = [to, &part].into_iter().find(|path| backup.to != STDOUT && path.exists()) {
        let reason = format!("--to: {} is there already: nothing is overwritten, choose another name", there.display());
        return Err(BadUsage(reason).into());
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let store = relais_bot::store::open(&url, policy.request_timeout).await.context("open the store")?;
        let progress = Progress::new();
        let mut told = |counts: &Counts| progress.show(&format!("{} copied", counts.all()));
        let wall = Boottime.wall();
        let taken = if backup.to == STDOUT {
            take(&*store, &mut stdout()?, wall, &mut told).await.context("back up to stdout")?
        } else {
            write(&*store, to, wall, &mut told).await?
        };
        progress.end();
        let Taken { counts, bytes, term, digest, .. } = taken;
        let line = format!("{}: {counts}, term {term}, {bytes} bytes, SHA-256 {digest}", backup.to);
        if backup.to == STDOUT {
            eprintln!("{line}")
        } else {
            println!("{line}")
        }
        Ok(())
    })
}

/// Stdout as a file that nothing of this process holds back.
fn stdout() -> anyhow::Result<tokio::fs::File> {
    let descriptor = std::io::stdout().as_fd().try_clone_to_owned().context("open stdout")?;
    Ok(File::from(descriptor).into())
}

/// Checks the file, and puts it back.
pub(crate) fn put_back(order: &Restore) -> anyhow::Result<()> {
    let policy = relais_host::config::policy(order.policy.as_deref())?;
    let from = &order.from;
    let open = || File::open(from).map(BufReader::new).with_context(|| format!("open {}", from.display()));
    let checked = verify(open()?).with_context(|| format!("check {}", from.display()))?;
    println!("{}: {}", from.display(), about(&checked));
    let Some(store) = order.store.as_deref().filter(|_| !order.check) else { return Ok(()) };
    let url = store.parse().map_err(|error| BadUsage(format!("--store: {error}")))?;
    let reader = Reader::open(open()?).with_context(|| format!("read {}", from.display()))?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let opened = relais_bot::store::open(&url, policy.request_timeout).await.context("open the store")?;
        let fresh = Fresh { version: Version::new(random_128()), ttl: policy.ttl, wall: Boottime.wall() };
        let (progress, all) = (Progress::new(), checked.end.counts.all());
        let mut told = |done| progress.show(&format!("{done} of {all}"));
        let restored = restore(&*opened, &checked, reader, fresh, &mut mended, &mut told).await;
        progress.end();
        let restored = restored.with_context(|| format!("restore {} into {store}", from.display()))?;
        ensure!(opened.read_board().await?.lease.is_some(), "the lease is not there after all: look at the store");
        println!("{store}: {}", done(&restored));
        if let Some(control) = restored.control.filter(|control| fresh.wall < control.until) {
            println!("{}", override_left_out(&control));
        }
        Ok(())
    })
}

fn about(checked: &Checked) -> String {
    let (header, counts) = (&checked.header, &checked.end.counts);
    let at = header.site.map(|site| format!(" at the {site}")).unwrap_or_default();
    format!("whole, taken {}{at} in term {}: {counts}", utc(header.taken), header.term)
}

fn done(restored: &Restored) -> String {
    let Restored { counts, term, .. } = restored;
    format!("{counts} put back; the lease is there, held by nobody, term {term}. What was due meanwhile is sent late")
}

fn override_left_out(control: &ControlRecord) -> String {
    let (mode, until) = (control.mode.as_str(), utc(control.until));
    format!("an override was in force ({mode} until {until}) and is not put back: ask for it again if it still holds")
}

/// A line on stderr that is written over, where a person looks at it.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    fn show(&self, text: &str) {
        if self.shown {
            // A closed terminal is no failure of what is shown.
            let _ = write!(std::io::stderr(), "\r{text} ");
        }
    }

    fn end(&self) {
        self.show("\n");
    }
}
