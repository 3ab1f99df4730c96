//! What kubelet does for a pod's container: wait for its end, start it again, ever more slowly if it keeps ending.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, kill_process_group};
use tokio::process::Child;
use tokio::time::Instant;

use super::{NodeState, ProcessExit, Shared, group_of};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A life of this length forgives the failures before it.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);

/// Stands over the process at `index`, which runs as `child`, until the node goes down.
pub(super) async fn supervise(shared: Arc<Shared>, index: usize, child: Child) {
    let _over = Over { shared: Arc::clone(&shared), index };
    let pace = shared.config.pace;
    let mut child = Some(child);
    let mut failures = 0;
    loop {
        if let Some(running) = child.take() {
            let began = Instant::now();
            let exit = watch_over(&shared, index, running).await;
            if began.elapsed() >= pace.real(FORGIVEN_AFTER) {
                failures = 0;
            }
            let process = &shared.config.processes[index].name;
            tracing::debug!(node = %shared.config.name, process, ?exit, "process ended");
        }
        let until = Instant::now() + pace.real(wait_after(failures));
        failures += 1;
        child = loop {
            let mut changed = shared.changed.subscribe();
            match try_again(&shared, index, until) {
                Next::Over => return,
                Next::Started(child) => break Some(child),
                Next::Failed => break None,
                Next::At(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    _ = changed.changed() => {}
                },
                // A machine that stands still starts nothing.
                Next::OnceAwake => {
                    let _ = changed.changed().await;
                }
            }
        };
    }
}

/// Waits for the end of `child`, kills what it left in its group, and writes down how it ended.
async fn watch_over(shared: &Shared, index: usize, mut child: Child) -> ProcessExit {
    let exit = match child.wait().await {
        Ok(status) => exit_of(status),
        Err(error) => {
            tracing::warn!(node = %shared.config.name, %error, "process cannot be waited for");
            ProcessExit::NotStarted
        }
    };
    let mut inside = shared.lock();
    let slot = &mut inside.slots[index];
    if let Some(group) = slot.group.take() {
        // Its children: a container's processes end with the first of them. Fails when there are none.
        let _ = kill_process_group(group, Signal::KILL);
    }
    slot.remember(exit);
    exit
}

enum Next {
    Over,
    Started(Child),
    Failed,
    At(Instant),
    OnceAwake,
}

/// Starts the process again if the node is up and the time has come.
fn try_again(shared: &Shared, index: usize, until: Instant) -> Next {
    let mut inside = shared.lock();
    match inside.state {
        NodeState::Down | NodeState::Stopping => return Next::Over,
        NodeState::Suspended => return Next::OnceAwake,
        NodeState::Up => {}
    }
    if Instant::now() < until {
        return Next::At(until);
    }
    let slot = &mut inside.slots[index];
    slot.restarts += 1;
    match shared.config.spawn(&shared.config.processes[index]) {
        Ok(child) => {
            slot.group = group_of(&child);
            Next::Started(child)
        }
        Err(error) => {
            tracing::warn!(node = %shared.config.name, %error, "process cannot be started again");
            slot.remember(ProcessExit::NotStarted);
            Next::Failed
        }
    }
}

/// The first restart is at once, then 1 s, 2 s, 4 s and so on.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT),
    }
}

fn exit_of(status: ExitStatus) -> ProcessExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessExit::Code(code),
        (None, Some(signal)) => ProcessExit::Signal(signal),
        (None, None) => ProcessExit::NotStarted,
    }
}

/// Says that no supervisor stands over the process any more, also when it was aborted.
struct Over {
    shared: Arc<Shared>,
    index: usize,
}

impl Drop for Over {
    fn drop(&mut self) {
        let mut inside = self.shared.lock();
        inside.slots[self.index].supervised = false;
        drop(inside);
        self.shared.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_the_waits_double_up_to_ten_seconds() {
        let waits: Vec<u64> = [0, 1, 2, 3, 4, 5, 6, 40, u32::MAX].iter().map(|n| wait_after(*n).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 10, 10, 10, 10]);
    }
}
