//! The watchdog as Lambda wants it: a zip with one program called `bootstrap`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::gate::Gate;
use crate::process::Log;

/// Amazon Linux 2023's (`provided.al2023`) C library: a program that wants a newer one does not start there.
const GLIBC: (u32, u32) = (2, 34);

/// Builds the program as it is shipped, checks what it wants of its C library, packs it. `target/dist/watchdog-lambda.zip`.
pub(crate) fn run(gate: &Gate) -> anyhow::Result<bool> {
    let log = Log::create(&gate.reports.join("watchdog-zip.log"))?;
    let zip = build(gate, &log)?;
    let bytes = std::fs::metadata(&zip).with_context(|| format!("look at {}", zip.display()))?.len();
    println!("{} ({:.1} MB)", zip.display(), bytes as f64 / 1e6);
    Ok(true)
}

/// The zip of the program as it is shipped.
pub(crate) fn build(gate: &Gate, log: &Log) -> anyhow::Result<PathBuf> {
    let arguments =
        ["build", "--locked", "--profile", "dist", "--package", "relais-watchdog-lambda", "--bin", "watchdog-lambda"];
    let built = gate.run_cargo(&arguments, log)?;
    ensure!(built.success, "build the watchdog: {}", built.ending);
    let program = gate.target.join("dist/watchdog-lambda");
    let wanted = newest_glibc(&std::fs::read(&program).with_context(|| format!("read {}", program.display()))?);
    ensure!(
        wanted <= GLIBC,
        "the program wants glibc {}.{}, and provided.al2023 has {}.{}: build it on an older system, or with Nix",
        wanted.0,
        wanted.1,
        GLIBC.0,
        GLIBC.1
    );
    let zip = program.with_extension("zip");
    pack(&program, &zip)?;
    Ok(zip)
}

/// Packs a program. The same program makes the same zip, so Terraform sees no change where there is none.
pub(crate) fn pack(program: &Path, zip: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let file = File::create(zip).with_context(|| format!("write {}", zip.display()))?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(file);
    writer.start_file("bootstrap", options).context("begin the zip")?;
    writer.write_all(&bytes).context("write the zip")?;
    writer.finish().context("end the zip")?;
    Ok(())
}

/// The newest `GLIBC_x.y` that the program names; such names stand in it as text.
fn newest_glibc(program: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let named = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK).filter_map(|(at, _)| {
        let rest = &program[at + MARK.len()..];
        let text =
            rest.iter().take(8).map_while(|byte| (byte.is_ascii_digit() || *byte == b'.').then_some(*byte as char));
        let text: String = text.collect();
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    });
    named.max().unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_is_named_counts() {
        assert_eq!(newest_glibc(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.17\0GLIBC_PRIVATE\0"), (2, 34));
        assert_eq!(newest_glibc(b"static"), (0, 0));
    }

    #[test]
    fn the_same_program_makes_the_same_zip() {
        let folder = std::env::temp_dir().join(format!("relais-xtask-zip-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (program, first, second) = (folder.join("program"), folder.join("1.zip"), folder.join("2.zip"));
        std::fs::write(&program, b"a program").unwrap();
        pack(&program, &first).unwrap();
        pack(&program, &second).unwrap();
        let zip = std::fs::read(&first).unwrap();
        assert_eq!(zip, std::fs::read(&second).unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
        let bootstrap = archive.by_name("bootstrap").unwrap();
        assert_eq!((bootstrap.unix_mode().map(|mode| mode & 0o777), bootstrap.size()), (Some(0o755), 9));
        drop(bootstrap);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
