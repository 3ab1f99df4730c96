//! The hand-over agent before the real systemd-logind, on a bus of its own and in a mount namespace.

use std::process::Stdio;

use crate::debian::{Needed, have};
use crate::gate::Gate;
use crate::process::Log;
use crate::steps::{CLOUD, counted};
use crate::table::Outcome;

const NEEDED: &[Needed] = &[
    Needed::new("dbus-daemon", "dbus"),
    Needed::new("unshare", "util-linux"),
    Needed::at(
        "systemd-logind",
        "systemd",
        &[
            "/usr/lib/systemd/systemd-logind",
            "/lib/systemd/systemd-logind",
            "/run/current-system/systemd/lib/systemd/systemd-logind",
        ],
    ),
    // logind asks it about everybody who is not root.
    Needed::at(
        "polkitd",
        "polkitd",
        &["/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/run/current-system/sw/lib/polkit-1/polkitd"],
    ),
];
/// What the tests do with the namespace; where it is not allowed, they cannot run.
const NAMESPACE: &[&str] = &[
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    "mount --bind /dev/null /sys/power/state && mount -t tmpfs tmpfs /run",
];
/// Runs the tests of that name.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    if let Err(why) = have(gate, log, NEEDED)? {
        return Ok(Outcome::NotRun(why));
    }
    if !may_have_a_namespace(gate) {
        let why = "a mount namespace with a /run and a /sys/power of its own is for root only";
        return Ok(Outcome::NotRun(why.to_owned()));
    }
    // The same selection and features as in the step `tests`: nothing is compiled a second time. They wait more than they work.
    let ours = ["--test", "logind", "--no-fail-fast", "--", "--show-output", "--test-threads=7"];
    Ok(counted(&gate.run_cargo(&[&["test", "--locked", "--workspace"], CLOUD, &ours].concat(), log)?))
}

fn may_have_a_namespace(gate: &Gate) -> bool {
    let mut unshare = gate.command("unshare");
    unshare.args(NAMESPACE).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    unshare.status().is_ok_and(|status| status.success())
}
