//! When a process must stop: SIGTERM, SIGINT, or the death of the rehearsal that started it.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Environment variable read by [`die_with_parent`]: `1`, or the parent's process id.
pub const DIE_WITH_PARENT: &str = "RELAIS_DIE_WITH_PARENT";

/// A token that is cancelled at the first SIGTERM or SIGINT. Call inside a tokio runtime.
///
/// If the handlers cannot be installed the default disposition stays (the signal ends the process), and the log says so.
#[must_use]
pub fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let streams = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    match streams {
        Ok((mut term, mut interrupt)) => {
            let cancel = token.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = term.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
                    _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
                }
                cancel.cancel();
            });
        }
        Err(error) => tracing::warn!(%error, "signals are not handled"),
    }
    token
}

/// Asks the kernel for SIGKILL when the thread that started this process ends, if [`DIE_WITH_PARENT`] is set: a rehearsal
/// that is killed leaves nothing behind. Call first in `main`; no effect when the variable is absent.
///
/// The kernel watches the *thread* that forked, so the parent must spawn from one that lives as long as it does.
///
/// # Errors
/// The kernel refused, or the parent is gone already.
pub fn die_with_parent() -> io::Result<()> {
    let Ok(wanted) = std::env::var(DIE_WITH_PARENT) else { return Ok(()) };
    let before = getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let expected = match wanted.parse::<i32>() {
        Ok(id) if id > 1 => Pid::from_raw(id),
        _ => before,
    };
    // The parent may have died before the request: then nobody sends the signal any more.
    if getppid() == expected { Ok(()) } else { Err(io::Error::other("the parent process is gone")) }
}

#[cfg(test)]
mod tests {
    use rustix::process::{getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn sigterm_cancels_the_token() {
        let token = token();
        assert!(!token.is_cancelled());
        kill_process(getpid(), Signal::TERM).unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(20), token.cancelled()).await.unwrap();
    }

    #[test]
    fn nothing_happens_without_the_variable() {
        assert!(die_with_parent().is_ok());
    }
}
