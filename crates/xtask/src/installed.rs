//! Programs from crates.io that the gate leans on: built once, into `target/tools`.

use std::path::PathBuf;

use crate::gate::Gate;
use crate::process::Log;

/// A program in one version.
pub(crate) struct Program {
    /// Its crate.
    pub(crate) package: &'static str,
    /// The version that is built.
    pub(crate) version: &'static str,
    /// What it is started as.
    pub(crate) binary: &'static str,
}

impl Program {
    /// Where it is once it is built.
    pub(crate) fn own(&self, gate: &Gate) -> PathBuf {
        gate.target.join("tools").join("bin").join(self.binary)
    }

    /// What a program says about its version; nothing if it does not start.
    pub(crate) fn says(gate: &Gate, program: &PathBuf) -> String {
        let output = gate.command(program).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    /// Builds it, or says why it cannot be had.
    ///
    /// # Errors
    /// Cargo cannot be started. That it fails is the inner one.
    pub(crate) fn built(&self, gate: &Gate, log: &Log) -> anyhow::Result<Result<PathBuf, String>> {
        let mut install =
            gate.cargo(&["install", self.package, "--version", self.version, "--locked", "--debug", "--root"]);
        install.arg(gate.target.join("tools"));
        let finished = log.run(install, None)?;
        let reason = || {
            format!("{} {} is not installed and could not be built: {}", self.package, self.version, finished.ending)
        };
        Ok(finished.success.then(|| self.own(gate)).ok_or_else(reason))
    }

    /// The program in exactly this version: as it is, or built.
    ///
    /// # Errors
    /// As [`Self::built`].
    pub(crate) fn exactly(&self, gate: &Gate, log: &Log) -> anyhow::Result<Result<PathBuf, String>> {
        let own = self.own(gate);
        if is_version(&Self::says(gate, &own), self.version) {
            return Ok(Ok(own));
        }
        self.built(gate, log)
    }
}

/// Whether `deadnix 1.3.1` is 1.3.1.
fn is_version(said: &str, version: &str) -> bool {
    said.split_whitespace().nth(1) == Some(version)
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_version_is_the_second_word() {
        assert!(is_version("deadnix 1.3.1\n", "1.3.1"));
        for other in ["deadnix 1.3.10", "1.3.1", "deadnix", ""] {
            assert!(!is_version(other, "1.3.1"), "{other}");
        }
    }
}
