//! Programs that come as packages of Debian. As root on such a machine they are installed; otherwise what is missing is a
//! reason, with the command that mends it.

use std::path::PathBuf;
use std::time::Duration;

use crate::gate::Gate;
use crate::process::Log;

/// An installation that hangs is given up after this.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// A program, and the package that has it.
pub(crate) struct Needed {
    /// As it is called.
    pub(crate) program: &'static str,
    /// As `apt-get install` knows it.
    pub(crate) package: &'static str,
}

/// Where a program is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Makes sure of these programs; the inner error is the reason why one is missing.
pub(crate) fn have(gate: &Gate, log: &Log, needed: &[Needed]) -> anyhow::Result<Result<(), String>> {
    let missing = || needed.iter().find(|one| on_path(one.program).is_none());
    let Some(first) = missing() else { return Ok(Ok(())) };
    let packages: Vec<&str> =
        needed.iter().filter(|one| on_path(one.program).is_none()).map(|one| one.package).collect();
    let way_out = format!("{} is not installed: apt-get install {}", first.program, packages.join(" "));
    if !rustix::process::geteuid().is_root() || on_path("apt-get").is_none() {
        return Ok(Err(way_out));
    }
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(packages);
    // What the machine knows of packages may be old, or nothing.
    for arguments in [&install[..], &["update", "--quiet"], &install[..]] {
        if missing().is_none() {
            break;
        }
        let mut apt = gate.command("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        log.run(apt, Some(INSTALL_LIMIT))?;
    }
    Ok(missing().map_or(Ok(()), |one| Err(format!("{} is not installed and cannot be: see the log", one.program))))
}
