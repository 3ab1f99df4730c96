//! A node runs real processes, does to them what happens to machines, and leaves none behind.

use std::path::Path;
use std::time::Duration;

use relais_world::nodes::{Node, NodeConfig, NodeError, NodeState, ProcessConfig, ProcessExit};
use relais_world::pace::Pace;
use tempfile::TempDir;

use crate::patience::{CAP, eventually};

fn shell(name: &str, script: &str) -> ProcessConfig {
    ProcessConfig {
        name: name.to_owned(),
        program: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("GREETING".to_owned(), "bonjour".to_owned())],
    }
}

fn node(folder: &TempDir, processes: Vec<ProcessConfig>) -> Node {
    let log_dir = folder.path().to_owned();
    Node::new(NodeConfig { name: "laptop".to_owned(), processes, log_dir, pace: Pace::new(100.0).unwrap() })
}

/// The process's state letter; `None` when it is gone or only waits to be buried.
fn letter(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let letter = stat.rsplit_once(") ")?.1.chars().next()?;
    (letter != 'Z' && letter != 'X').then_some(letter)
}

fn pid_in(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.lines().last()?.trim().parse().ok()
}

fn pids(node: &Node) -> Vec<u32> {
    node.processes().iter().filter_map(|process| process.pid).collect()
}

async fn are_gone(pids: &[u32]) {
    assert!(!pids.is_empty());
    eventually("the processes are gone", || pids.iter().all(|pid| letter(*pid).is_none())).await;
}

#[tokio::test]
async fn a_node_runs_its_processes_in_groups_of_their_own_with_their_logs() {
    let folder = TempDir::new().unwrap();
    let script = "echo $GREETING $RELAIS_DIE_WITH_PARENT; echo oh >&2; sleep 1000";
    let node = node(&folder, vec![shell("bot", script), shell("health", "exec sleep 1000")]);
    assert_eq!(node.state(), NodeState::Down);
    node.start().await.unwrap();
    node.start().await.unwrap();
    assert_eq!(node.state(), NodeState::Up);
    let running = pids(&node);
    assert_eq!(running.len(), 2);
    let log = node.log_of("bot");
    eventually("the log is there", || std::fs::read_to_string(&log).unwrap() == "bonjour 1\noh\n").await;
    for pid in &running {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let group = stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().to_owned();
        assert_eq!(group, pid.to_string());
    }
    node.kill().await;
    assert_eq!(node.state(), NodeState::Down);
    assert!(pids(&node).is_empty());
    assert!(running.iter().all(|pid| letter(*pid).is_none()));
    assert_eq!(node.processes()[0].exits, [ProcessExit::Signal(9)]);
    assert_eq!(node.processes()[0].restarts, 0);
}

#[tokio::test]
async fn a_process_that_exits_is_restarted_and_its_codes_are_remembered() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "exit 75"), shell("health", "exec sleep 1000")]);
    node.start().await.unwrap();
    eventually("it was restarted", || node.processes()[0].restarts >= 3).await;
    let [bot, health] = node.processes().try_into().unwrap();
    assert!(bot.exits.iter().all(|exit| *exit == ProcessExit::Code(75)), "{:?}", bot.exits);
    assert_eq!((health.restarts, health.exits.len()), (0, 0));
    node.kill().await;
    let restarts = node.processes()[0].restarts;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(node.processes()[0].restarts, restarts, "a node that is down restarted something");
}

#[tokio::test]
async fn the_children_of_a_process_that_ended_end_with_it() {
    let folder = TempDir::new().unwrap();
    let note = folder.path().join("pid");
    let node = node(&folder, vec![shell("bot", &format!("sleep 1000 & echo $! > {}; exit 3", note.display()))]);
    node.start().await.unwrap();
    eventually("it was restarted", || node.processes()[0].restarts >= 1).await;
    let orphan = pid_in(&note).unwrap();
    node.kill().await;
    are_gone(&[orphan]).await;
}

#[tokio::test]
async fn a_suspended_node_stands_still_and_goes_on_when_woken() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "exec sleep 1000"), shell("health", "exec sleep 1000")]);
    node.start().await.unwrap();
    let running = pids(&node);
    // A shell that is stopped between fork and exec shows no T: wait until both are what they will stay.
    let asleep = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"));
    eventually("both run", || running.iter().all(asleep)).await;
    node.suspend().unwrap();
    assert_eq!(node.state(), NodeState::Suspended);
    eventually("it stands still", || running.iter().all(|pid| letter(*pid) == Some('T'))).await;
    assert!(matches!(node.suspend(), Err(NodeError::Wrong { verb: "suspend", .. })));
    assert!(matches!(node.start().await, Err(NodeError::Wrong { verb: "start", .. })));
    node.wake().unwrap();
    eventually("it goes on", || running.iter().all(|pid| matches!(letter(*pid), Some('R' | 'S')))).await;
    assert!(node.wake().is_err());
    assert_eq!(pids(&node), running);
    node.kill().await;
}

#[tokio::test]
async fn a_suspended_node_restarts_nothing() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "exit 1")]);
    node.start().await.unwrap();
    eventually("it was restarted", || node.processes()[0].restarts >= 1).await;
    node.suspend().unwrap();
    let restarts = node.processes()[0].restarts;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(node.processes()[0].restarts, restarts);
    node.wake().unwrap();
    eventually("it is restarted again", || node.processes()[0].restarts > restarts).await;
    node.kill().await;
}

#[tokio::test]
async fn a_stopped_child_is_killed_too() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "sleep 1000"), shell("health", "exec sleep 1000")]);
    node.start().await.unwrap();
    let running = pids(&node);
    node.suspend().unwrap();
    node.kill().await;
    assert_eq!(node.state(), NodeState::Down);
    assert!(running.iter().all(|pid| letter(*pid).is_none()));
}

#[tokio::test]
async fn a_terminated_node_lets_its_processes_finish() {
    let folder = TempDir::new().unwrap();
    let done = folder.path().join("done");
    let script = format!("trap 'echo 1 > {}; exit 0' TERM; echo ready; while :; do sleep 0.01; done", done.display());
    let node = node(&folder, vec![shell("bot", &script)]);
    node.start().await.unwrap();
    let log = node.log_of("bot");
    eventually("the trap is set", || std::fs::read_to_string(&log).unwrap() == "ready\n").await;
    node.terminate(CAP).await;
    assert_eq!(node.state(), NodeState::Down);
    assert!(done.exists());
    assert_eq!(node.processes()[0].exits, [ProcessExit::Code(0)]);
    assert_eq!(node.processes()[0].restarts, 0);
    node.start().await.unwrap();
    assert_eq!(pids(&node).len(), 1);
    node.kill().await;
}

#[tokio::test]
async fn a_process_that_ignores_the_request_is_killed_after_the_grace() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "trap '' TERM; echo ready; while :; do sleep 0.01; done")]);
    node.start().await.unwrap();
    let running = pids(&node);
    let log = node.log_of("bot");
    eventually("the trap is set", || std::fs::read_to_string(&log).unwrap() == "ready\n").await;
    node.terminate(Duration::from_millis(50)).await;
    assert_eq!(node.processes()[0].exits, [ProcessExit::Signal(9)]);
    are_gone(&running).await;
}

#[tokio::test]
async fn a_kill_does_not_wait_for_the_grace_of_a_shutdown() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "trap '' TERM; echo ready; while :; do sleep 0.01; done")]);
    node.start().await.unwrap();
    let log = node.log_of("bot");
    eventually("the trap is set", || std::fs::read_to_string(&log).unwrap() == "ready\n").await;
    let both = async { tokio::join!(node.terminate(Duration::from_secs(3600)), node.kill()) };
    tokio::time::timeout(CAP, both).await.expect("the kill waited");
    assert_eq!(node.state(), NodeState::Down);
}

#[tokio::test]
async fn a_dropped_node_leaves_no_process_not_even_a_stopped_one() {
    let folder = TempDir::new().unwrap();
    let (up, still) =
        (node(&folder, vec![shell("bot", "sleep 1000")]), node(&folder, vec![shell("health", "sleep 1000")]));
    up.start().await.unwrap();
    still.start().await.unwrap();
    still.suspend().unwrap();
    let running = [pids(&up), pids(&still)].concat();
    drop((up, still));
    are_gone(&running).await;
}

#[tokio::test]
async fn a_node_whose_owner_panics_leaves_no_process() {
    let folder = TempDir::new().unwrap();
    let node = node(&folder, vec![shell("bot", "sleep 1000")]);
    node.start().await.unwrap();
    let running = pids(&node);
    let owner = tokio::spawn(async move {
        let _node = node;
        panic!("on purpose");
    });
    assert!(owner.await.unwrap_err().is_panic());
    are_gone(&running).await;
}

#[test]
fn a_node_that_outlives_its_runtime_leaves_no_process() {
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = node(&folder, vec![shell("bot", "sleep 1000 & wait")]);
    runtime.block_on(node.start()).unwrap();
    let running = pids(&node);
    drop(runtime);
    drop(node);
    tokio::runtime::Runtime::new().unwrap().block_on(are_gone(&running));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error_and_nothing_keeps_running() {
    let folder = TempDir::new().unwrap();
    let mut missing = shell("health", "");
    missing.program = folder.path().join("no-such-program");
    let node = node(&folder, vec![shell("bot", "sleep 1000"), missing]);
    let error = node.start().await.unwrap_err();
    assert_eq!(error.to_string(), "start health on the node laptop");
    assert_eq!(node.state(), NodeState::Down);
    assert!(pids(&node).is_empty());
}
