//! A drill that is ended early leaves no process and no port behind.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::PROGRAM;

/// A drill in the middle of a scene, and what it started.
struct Running {
    drill: Child,
    /// The sites' processes.
    children: Vec<i32>,
    /// What they and the links before them listen on.
    ports: Vec<SocketAddr>,
    /// The folder of the scene.
    folder: PathBuf,
}

/// Looks until it sees something; a minute is only for a machine that stands still.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let seen = (0..1_200).find_map(|_| {
        let seen = look();
        if seen.is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
        seen
    });
    assert!(seen.is_some(), "{what} did not come");
    seen.unwrap()
}

/// The running processes whose parent is `parent`, with the file of their settings.
fn children_of(parent: u32) -> Vec<(i32, PathBuf)> {
    let of = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may hold anything; state and parent follow it.
        let mut words = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, above) = (words.next()?, words.next()?);
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let settings = command.split('\0').skip_while(|word| *word != "--config").nth(1)?;
        (above == parent.to_string() && state != "Z").then(|| (pid, PathBuf::from(settings)))
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter_map(of).collect()
}

fn addresses_in(settings: &Path) -> Vec<SocketAddr> {
    let settings: Value = serde_json::from_slice(&std::fs::read(settings).unwrap()).unwrap();
    let named =
        [&settings["listen"], &settings["metrics_listen"], &settings["store"], &settings["discord"]["rest_base"]];
    let texts = named.into_iter().filter_map(Value::as_str);
    texts.map(|text| text.trim_start_matches("http://").parse().unwrap()).collect()
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["drill", "--scene", "funnel"]).current_dir(folder).env_remove("RUST_LOG");
        let drill = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let parent = drill.id();
        let children = wait_for("the laptop's two processes", || {
            let children = children_of(parent);
            (children.len() == 2).then_some(children)
        });
        let ports: Vec<_> = children.iter().flat_map(|(_, settings)| addresses_in(settings)).collect();
        wait_for("a port that is in use", || ports.iter().all(|port| TcpListener::bind(port).is_err()).then_some(()));
        let folder = children[0].1.parent().unwrap().to_owned();
        Self { drill, children: children.into_iter().map(|(pid, _)| pid).collect(), ports, folder }
    }

    /// Sends the signal and waits for the end of everything; the drill's exit code, none if a signal ended it.
    fn end_by(&mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.drill.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let code = self.drill.wait().unwrap().code();
        let left = |pid: &&i32| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.contains(&*self.folder.to_string_lossy())
        };
        wait_for("the end of every process", || (self.children.iter().find(left).is_none()).then_some(()));
        for port in &self.ports {
            wait_for("a free port", || TcpListener::bind(port).ok());
        }
        code
    }
}

#[test]
fn ctrl_c_leaves_no_process_no_port_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path());
    assert!(running.ports.len() >= 5, "{:?}", running.ports);
    assert_eq!(running.end_by(Signal::INT), Some(1));
    assert!(!running.folder.exists(), "{} is left", running.folder.display());
}

#[test]
fn a_drill_that_is_killed_leaves_no_process_and_no_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path());
    assert_eq!(running.end_by(Signal::KILL), None);
    // Nobody is left to do it.
    std::fs::remove_dir_all(&running.folder).unwrap();
}
