//! Programs that come as packages of Debian. As root on such a machine they are installed; otherwise what is missing is a
//! reason, with the command that mends it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;

/// An installation that hangs is given up after this.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// A program, and the package that has it.
pub(crate) struct Needed {
    program: &'static str,
    package: &'static str,
    places: &'static [&'static str],
}

impl Needed {
    /// One on the PATH, in a package as `apt-get install` knows it.
    pub(crate) const fn new(program: &'static str, package: &'static str) -> Self {
        Self { program, package, places: &[] }
    }

    /// One that nobody calls by hand: each distribution has its own place for it.
    pub(crate) const fn at(program: &'static str, package: &'static str, places: &'static [&'static str]) -> Self {
        Self { program, package, places }
    }

    fn is_there(&self) -> bool {
        on_path(self.program).is_some() || self.places.iter().any(|place| Path::new(place).is_file())
    }
}

/// A package, fetched once and unpacked into a folder of the gate's own: nothing is installed, so no right is needed. `package`
/// may be one that only names the present version of another. The inner error is the reason why there is none.
pub(crate) fn unpacked(gate: &Gate, log: &Log, package: &str) -> anyhow::Result<Result<PathBuf, String>> {
    let folder = gate.target.join("tools/debian").join(package);
    let mark = folder.join(".unpacked");
    if mark.is_file() {
        return Ok(Ok(folder));
    }
    if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
        return Ok(Err(format!("{package} is one of Debian's packages, and this is no Debian")));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let known = gate.command("apt-cache").args(["depends", package]).output().context("start apt-cache")?;
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    let versioned = known
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| name.starts_with("linux-image-"));
    let wanted = versioned.unwrap_or(package).to_owned();
    let mut download = gate.command("apt-get");
    download.args(["download", "--quiet", &wanted]).current_dir(&folder);
    if !log.run(download, Some(INSTALL_LIMIT))?.success {
        return Ok(Err(format!("{wanted} cannot be downloaded (apt-get update may help): see the log")));
    }
    let archive = files(&folder)?.into_iter().find(|file| file.extension().is_some_and(|end| end == "deb"));
    let archive = archive.context("find the package")?;
    let mut unpack = gate.command("dpkg-deb");
    unpack.arg("--extract").arg(&archive).arg(&folder);
    let done = log.run(unpack, None)?;
    ensure!(done.success, "unpack {wanted}: {}", done.ending);
    std::fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))?;
    std::fs::write(&mark, wanted).with_context(|| format!("write {}", mark.display()))?;
    Ok(Ok(folder))
}

/// Where a program is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Makes sure of these programs; the inner error is the reason why one is missing.
pub(crate) fn have(gate: &Gate, log: &Log, needed: &[Needed]) -> anyhow::Result<Result<(), String>> {
    let missing = || needed.iter().find(|one| !one.is_there());
    let Some(first) = missing() else { return Ok(Ok(())) };
    let packages: Vec<&str> = needed.iter().filter(|one| !one.is_there()).map(|one| one.package).collect();
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
