//! Container images out of programs as Cargo builds them: the program, the libraries that it is linked with, nothing else. No
//! registry, no shell, no package manager; the form is OCI's image layout in one tar (image-spec 1.1, image-layout.md).
//!
//! What is shipped is built by Nix (`nix/images.nix`) with the same name, tag and user; this is for clusters that test.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::hand::Hand;

/// As in `nix/images.nix`; the manifests say it again for each pod.
const USER: &str = "10001:10001";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Writes the image of one program to `file`; how many bytes. `reference` is its name and tag: `localhost/relais-bot:0.1.0`.
///
/// # Errors
/// The program or a library cannot be read, or the file not be written.
pub(crate) fn write(hand: &Hand<'_>, program: &Path, reference: &str, file: &Path) -> anyhow::Result<u64> {
    let name = program.file_name().and_then(|name| name.to_str()).context("the program has no name")?;
    let entry = format!("/bin/{name}");
    let libraries = libraries(hand, program)?;
    // Each a layer of its own: most programs share the first one, and a new program is only a new second one.
    let mut layers = Vec::new();
    if !libraries.is_empty() {
        layers.push(layer(libraries.iter().map(|path| (path.as_path(), path.as_path())))?);
    }
    layers.push(layer([(program, Path::new(&entry))].into_iter())?);
    let archive = archive(reference, &entry, &layers)?;
    std::fs::write(file, &archive).with_context(|| format!("write {}", file.display()))?;
    Ok(archive.len() as u64)
}

/// What the program is linked with, the loader included, as the machine's own loader finds it.
fn libraries(hand: &Hand<'_>, program: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut command = Command::new("ldd");
    command.arg(program);
    let ended = hand.ended(command).context("ask what the program is linked with")?;
    // musl and glibc say it differently, and glibc on the error stream.
    if ended.err.contains("not a dynamic executable") || ended.out.contains("statically linked") {
        return Ok(BTreeSet::new());
    }
    ensure!(ended.success, "ldd {}: {}", program.display(), ended.last_words());
    named(&ended.out).with_context(|| format!("read what {} is linked with", program.display()))
}

/// The files in what `ldd` prints.
fn named(printed: &str) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for line in printed.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.contains("not found") {
            bail!("{line}");
        }
        let path = line.split_once("=>").map_or(line, |(_, path)| path.trim());
        // The kernel's own library has no file.
        if let Some(file) = path.split_whitespace().next().filter(|file| file.starts_with('/')) {
            files.insert(PathBuf::from(file));
        }
    }
    ensure!(!files.is_empty(), "ldd names no library: {printed:?}");
    Ok(files)
}

/// A layer with these files `(from, to)`. The same files give the same layer: no times, no owner but root.
fn layer<'a>(files: impl Iterator<Item = (&'a Path, &'a Path)>) -> anyhow::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut made = BTreeSet::new();
    for (from, to) in files {
        let to = to.strip_prefix("/").unwrap_or(to);
        let parents: Vec<&Path> = to.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()).collect();
        for parent in parents.into_iter().rev() {
            if made.insert(parent.to_owned()) {
                add(&mut tar, parent, tar::EntryType::Directory, &[])?;
            }
        }
        let bytes = std::fs::read(from).with_context(|| format!("read {}", from.display()))?;
        add(&mut tar, to, tar::EntryType::Regular, &bytes)?;
    }
    tar.into_inner().context("end a layer")
}

fn add(tar: &mut tar::Builder<Vec<u8>>, path: &Path, kind: tar::EntryType, bytes: &[u8]) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes).with_context(|| format!("put {} into a tar", path.display()))
}

fn archive(reference: &str, entry: &str, layers: &[Vec<u8>]) -> anyhow::Result<Vec<u8>> {
    let (_, version) = reference.rsplit_once(':').with_context(|| format!("{reference} has no tag"))?;
    let digests: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let config = json!({
        "architecture": architecture()?,
        "os": "linux",
        "created": "1970-01-01T00:00:01Z",
        "config": {
            "Entrypoint": [entry],
            "User": USER,
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.title": reference,
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": digests },
    })
    .to_string()
    .into_bytes();
    let described =
        |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": layers.iter().map(|layer| described(LAYER, layer)).collect::<Vec<Value>>(),
    })
    .to_string()
    .into_bytes();
    let mut named = described(MANIFEST, &manifest);
    // containerd takes the name from the first, others from the second.
    named["annotations"] =
        json!({ "io.containerd.image.name": reference, "org.opencontainers.image.ref.name": version });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [named] }).to_string();

    let mut tar = tar::Builder::new(Vec::new());
    add(&mut tar, Path::new("oci-layout"), tar::EntryType::Regular, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    add(&mut tar, Path::new("index.json"), tar::EntryType::Regular, index.as_bytes())?;
    for folder in ["blobs", "blobs/sha256"] {
        add(&mut tar, Path::new(folder), tar::EntryType::Directory, &[])?;
    }
    for bytes in layers.iter().map(Vec::as_slice).chain([config.as_slice(), manifest.as_slice()]) {
        let name = digest(bytes).replace("sha256:", "blobs/sha256/");
        add(&mut tar, Path::new(&name), tar::EntryType::Regular, bytes)?;
    }
    tar.get_mut().flush().context("end an image")?;
    tar.into_inner().context("end an image")
}

/// As OCI names processors, which is as Go does.
fn architecture() -> anyhow::Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no image for the processor {other}: Relais runs on x86_64 and aarch64"),
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;
    use crate::process::Log;

    fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().to_string_lossy().into_owned(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    /// The image of this very program, twice.
    fn images() -> (Vec<u8>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(&folder.path().join("log")).unwrap();
        let write = |name: &str| {
            let file = folder.path().join(name);
            let program = std::env::current_exe().unwrap();
            let length = write(&Hand::plain(&log), &program, "localhost/relais-test:1.2.3", &file).unwrap();
            let bytes = std::fs::read(file).unwrap();
            assert_eq!(bytes.len() as u64, length);
            bytes
        };
        (write("one"), write("two"))
    }

    #[test]
    fn every_digest_in_an_image_is_of_what_it_names() {
        let (image, again) = images();
        assert!(image == again, "the same program made two images");
        let files = entries(&image);
        let blob = |described: &Value| {
            let digested = described["digest"].as_str().unwrap();
            let bytes = &files[&digested.replace("sha256:", "blobs/sha256/")];
            assert_eq!((digest(bytes), bytes.len() as u64), (digested.to_owned(), described["size"].as_u64().unwrap()));
            bytes
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(index["manifests"][0]["annotations"]["io.containerd.image.name"], "localhost/relais-test:1.2.3");
        let manifest: Value = serde_json::from_slice(blob(&index["manifests"][0])).unwrap();
        let config: Value = serde_json::from_slice(blob(&manifest["config"])).unwrap();
        assert_eq!(config["config"]["User"], "10001:10001");
        let layers = manifest["layers"].as_array().unwrap();
        let layered: Vec<&str> = layers.iter().map(|layer| layer["digest"].as_str().unwrap()).collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(layered));
        let mut paths: Vec<String> = layers.iter().flat_map(|layer| entries(blob(layer)).into_keys()).collect();
        paths.retain(|path| !path.ends_with('/'));
        let program = config["config"]["Entrypoint"][0].as_str().unwrap().trim_start_matches('/').to_owned();
        assert!(paths.contains(&program), "{paths:?}");
        // Nothing but it and libraries: above all no shell.
        let others: Vec<&String> = paths.iter().filter(|path| **path != program && !path.contains(".so")).collect();
        let folders = ["bin", "lib", "lib64", "usr"].map(str::to_owned);
        assert!(others.iter().all(|path| path.contains("lib") || folders.contains(path)), "{others:?}");
    }

    #[test]
    fn what_ldd_prints_is_read_and_what_is_missing_is_named() {
        let printed = "\tlinux-vdso.so.1 (0x00007eff8fba5000)\n\
                       \tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007eff8fa94000)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007eff8fba7000)\n";
        let files: Vec<PathBuf> = named(printed).unwrap().into_iter().collect();
        assert_eq!(files, ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
        let error = named("\tlibgone.so.1 => not found\n").unwrap_err().to_string();
        assert!(error.contains("libgone.so.1"), "{error}");
        assert!(named("").is_err());
    }
}
