//! The guest's first archive: a shell, `socat`, the program, the libraries of both, and the drivers of its network.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use cpio::newc::{Builder, ModeFileType, trailer};

use crate::debian::on_path;

const INIT: &str = include_str!("init.sh");
/// Below `kernel/` of the modules: what `virtio_net` on PCI needs. A kernel that has one built in has no file of it.
const DRIVERS: &[&str] = &[
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio_pci",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev",
];
/// Where file systems are mounted.
const EMPTY: &[&str] = &["proc", "sys", "dev", "tmp"];

/// Writes it for this program and the modules in this folder (`lib/modules/VERSION`).
pub(super) fn write(target: &Path, program: &Path, modules: &Path) -> anyhow::Result<()> {
    let version = modules.file_name().context("name the kernel's version")?;
    let socat = on_path("socat").context("find socat")?;
    let busybox = on_path("busybox").context("find busybox")?;
    ensure!(
        libraries(&busybox)?.is_empty(),
        "{} is linked with libraries: Debian's busybox-static is not",
        busybox.display()
    );

    // Inside, outside.
    let mut wanted = BTreeMap::from([
        (PathBuf::from("bin/busybox"), busybox),
        (PathBuf::from("bin/socat"), socat.clone()),
        (PathBuf::from("bin/watchdog-local"), program.to_owned()),
    ]);
    for library in libraries(&socat)?.into_iter().chain(libraries(program)?) {
        wanted.insert(library.strip_prefix("/").unwrap_or(&library).to_owned(), library);
    }
    for driver in DRIVERS {
        for end in ["ko", "ko.xz"] {
            let inside = Path::new("kernel").join(format!("{driver}.{end}"));
            if modules.join(&inside).is_file() {
                wanted.insert(Path::new("lib/modules").join(version).join(&inside), modules.join(inside));
            }
        }
    }

    let mut folders: Vec<PathBuf> = EMPTY.iter().map(PathBuf::from).collect();
    folders.extend(wanted.keys().flat_map(|file| file.ancestors().skip(1)).map(Path::to_owned));
    folders.retain(|folder| folder.parent().is_some());
    folders.sort();
    folders.dedup();

    let mut out = BufWriter::new(File::create(target).with_context(|| format!("write {}", target.display()))?);
    for folder in folders {
        out = entry(&folder, 0o755, ModeFileType::Directory).write(out, 0).finish()?;
    }
    out = file(out, Path::new("init"), INIT.as_bytes())?;
    for (inside, outside) in wanted {
        let content = std::fs::read(&outside).with_context(|| format!("read {}", outside.display()))?;
        out = file(out, &inside, &content)?;
    }
    trailer(out)?.flush().with_context(|| format!("write {}", target.display()))
}

fn file(out: BufWriter<File>, inside: &Path, content: &[u8]) -> anyhow::Result<BufWriter<File>> {
    let length = u32::try_from(content.len()).with_context(|| format!("pack {}", inside.display()))?;
    let mut writer = entry(inside, 0o755, ModeFileType::Regular).write(out, length);
    writer.write_all(content)?;
    Ok(writer.finish()?)
}

fn entry(inside: &Path, mode: u32, kind: ModeFileType) -> Builder {
    Builder::new(&inside.display().to_string()).mode(mode).nlink(1).set_mode_file_type(kind)
}

/// The libraries that a program is loaded with, the loader among them; none of one that is linked statically.
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("start ldd")?;
    Ok(paths(&String::from_utf8_lossy(&output.stdout)))
}

fn paths(told: &str) -> Vec<PathBuf> {
    told.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_off_what_ldd_tells() {
        let told = "\tlinux-vdso.so.1 (0x00007f90b77a5000)\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f90b341e000)\n\t\
                    /lib64/ld-linux-x86-64.so.2 (0x00007f90b77a7000)\n";
        assert_eq!(paths(told), ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
        assert_eq!(paths("\tnot a dynamic executable\n"), Vec::<PathBuf>::new());
    }
}
