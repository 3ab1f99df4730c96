//! What a guest starts from: the caller's archive, and behind it one with the files of this run, at the same paths as here.
//! Linux unpacks archives that follow each other (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use cpio::newc::{Builder, ModeFileType, trailer};

/// An archive begins at a multiple of this.
const ALIGN: usize = 4;

/// Writes `target`: `first`, then every file of `folder` that a site reads, then `start` as `/relais/up`.
pub(super) fn write(target: &Path, first: &Path, folder: &Path, start: &str) -> io::Result<()> {
    let mut settings = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // The run's own store, logs and sockets are not the guest's.
        let wanted = path.extension().is_none_or(|extension| extension == "json") && path.is_file();
        if wanted {
            settings.push(path);
        }
    }
    settings.sort();

    let mut out = BufWriter::new(File::create(target)?);
    let length = io::copy(&mut File::open(first)?, &mut out)?;
    let odd = usize::try_from(length).unwrap_or(0) % ALIGN;
    out.write_all(&[0; ALIGN][..(ALIGN - odd) % ALIGN])?;
    out = directory(out, Path::new("/relais"))?;
    out = file(out, Path::new("/relais/up"), start.as_bytes(), 0o755)?;
    for parent in folder.ancestors().collect::<Vec<_>>().into_iter().rev().filter(|path| path.parent().is_some()) {
        out = directory(out, parent)?;
    }
    for path in settings {
        let content = std::fs::read(&path)?;
        out = file(out, &path, &content, 0o600)?;
    }
    trailer(out)?.flush()
}

fn directory(out: BufWriter<File>, path: &Path) -> io::Result<BufWriter<File>> {
    entry(path, 0o755).set_mode_file_type(ModeFileType::Directory).write(out, 0).finish()
}

fn file(out: BufWriter<File>, path: &Path, content: &[u8], mode: u32) -> io::Result<BufWriter<File>> {
    let length = u32::try_from(content.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut writer = entry(path, mode).set_mode_file_type(ModeFileType::Regular).write(out, length);
    writer.write_all(content)?;
    writer.finish()
}

fn entry(path: &Path, mode: u32) -> Builder {
    let name = path.strip_prefix("/").unwrap_or(path);
    Builder::new(&name.display().to_string()).mode(mode).nlink(1)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use cpio::newc::Reader;

    use super::*;

    #[test]
    fn settings_are_at_the_same_path_and_the_store_is_left_here() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("laptop-bot.json", "{}"), ("token", "secret"), ("store.db", "not this"), ("a.log", "nor this")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let (first, target) = (folder.path().join("first.cpio"), folder.path().join("guest.cpio"));
        std::fs::write(&first, "first").unwrap();
        write(&target, &first, folder.path(), "#!/bin/sh\n").unwrap();

        let bytes = std::fs::read(&target).unwrap();
        assert_eq!(&bytes[..8], b"first\0\0\0");
        let mut rest = &bytes[8..];
        let mut seen = Vec::new();
        loop {
            let mut reader = Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let (name, mode) = (format!("/{}", reader.entry().name()), reader.entry().mode());
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            seen.push((name, mode & 0o7777, text));
            rest = reader.finish().unwrap();
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert!(seen.contains(&("/relais/up".to_owned(), 0o755, "#!/bin/sh\n".to_owned())));
        assert!(seen.contains(&(at("laptop-bot.json"), 0o600, "{}".to_owned())));
        assert!(seen.contains(&(at("token"), 0o600, "secret".to_owned())));
        assert!(seen.iter().any(|(name, ..)| *name == folder.path().display().to_string()));
        assert!(!seen.iter().any(|(name, ..)| *name == at("store.db") || *name == at("a.log")));
    }
}
