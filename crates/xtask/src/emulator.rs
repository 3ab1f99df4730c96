//! What needs an emulator of AWS: the store, the publisher, and two bots on one table.

use crate::cloud::Cloud;
use crate::gate::Gate;
use crate::process::Log;
use crate::steps::{CLOUD, NEEDS_EMULATOR, counted};
use crate::table::Outcome;

/// Runs the tests that need it: the binaries of that name, and the bots' tests that the step `tests` skips.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let cloud = match Cloud::start(gate, &[])? {
        Ok(cloud) => cloud,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    // The same selection and features as in the step `tests`: nothing is compiled a second time.
    let ours = ["--test", "emulator", "--no-fail-fast", "--", "--show-output"];
    let bots = ["--test", "it", "--no-fail-fast", "--", "--show-output", NEEDS_EMULATOR];
    let mut all = Outcome::Ran { passed: 0, failed: 0, note: String::new() };
    for arguments in [&ours[..], &bots[..]] {
        let mut tests = gate.cargo(&[&["test", "--locked", "--workspace"], CLOUD, arguments].concat());
        cloud.reached_by(&mut tests);
        all = all.and(counted(&log.run(tests, None)?));
    }
    Ok(all)
}
