//! The hand-over agent before the real systemd-logind, on a bus of its own and in a mount namespace.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::gate::Gate;
use crate::process::Log;
use crate::steps::{CLOUD, counted};
use crate::table::Outcome;

/// Where systemd's own programs are, by distribution.
const LOGIND: &[&str] = &[
    "/usr/lib/systemd/systemd-logind",
    "/lib/systemd/systemd-logind",
    "/run/current-system/systemd/lib/systemd/systemd-logind",
];
/// And polkit's, which logind asks about everybody who is not root.
const POLKIT: &[&str] =
    &["/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/run/current-system/sw/lib/polkit-1/polkitd"];
/// What the tests do with the namespace; where it is not allowed, they cannot run.
const NAMESPACE: &[&str] = &[
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    "mount --bind /dev/null /sys/power/state && mount -t tmpfs tmpfs /run",
];
/// An installation that hangs is given up after this.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// Runs the tests of that name.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if missing().is_some() && std::env::var_os("CI").is_some() && succeeds("apt-get", &["--version"]) {
        install(gate, log)?;
    }
    if let Some(why) = missing() {
        return Ok(Outcome::NotRun(why));
    }
    // The same selection and features as in the step `tests`: nothing is compiled a second time. They wait more than they work.
    let ours = ["--test", "logind", "--no-fail-fast", "--", "--show-output", "--test-threads=7"];
    Ok(counted(&gate.run_cargo(&[&["test", "--locked", "--workspace"], CLOUD, &ours].concat(), log)?))
}

/// On a machine that is there for the gate alone. What cannot be had is said by [`missing`].
fn install(gate: &Gate, log: &Log) -> anyhow::Result<()> {
    let packages = ["install", "--yes", "--quiet", "--no-install-recommends", "dbus", "systemd", "polkitd"];
    for arguments in [&["update", "--quiet"][..], &packages] {
        let mut command = gate.command("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        log.run(command, Some(INSTALL_LIMIT))?;
    }
    Ok(())
}

/// Why the tests cannot run here, if they cannot.
fn missing() -> Option<String> {
    if !succeeds("dbus-daemon", &["--version"]) {
        return Some("dbus-daemon is not installed (Debian's package dbus has it)".to_owned());
    }
    for (program, package, places) in [("systemd-logind", "systemd", LOGIND), ("polkitd", "polkitd", POLKIT)] {
        if !places.iter().any(|path| Path::new(path).exists()) {
            return Some(format!("{program} is not installed (Debian's package {package} has it)"));
        }
    }
    if !succeeds("unshare", NAMESPACE) {
        return Some("a mount namespace with a /run and a /sys/power of its own is for root only".to_owned());
    }
    None
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
