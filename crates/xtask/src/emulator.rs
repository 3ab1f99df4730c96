//! What needs an emulator of AWS: the store, the publisher, and two bots on one table.

use crate::cloud::Cloud;
use crate::gate::Gate;
use crate::process::Log;
use crate::steps::{CLOUD, counted};
use crate::table::Outcome;

/// Runs the tests that need it: the binaries that no other step runs.
pub(crate) fn run(gate: &Gate, log: &Log) -> anyhow::Result<Outcome> {
    let cloud = match Cloud::start(gate, &[])? {
        Ok(cloud) => cloud,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    // The same selection and features as in the step `tests`: nothing is compiled a second time.
    let arguments = ["--test", "emulator", "--no-fail-fast", "--", "--show-output"];
    let mut tests = gate.cargo(&[&["test", "--locked", "--workspace"], CLOUD, &arguments[..]].concat());
    cloud.reached_by(&mut tests);
    Ok(counted(&log.run(tests, None)?))
}
