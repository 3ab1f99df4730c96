//! The folders below `k8s/` that can be applied, and what they render. Works on a copy below `target`, in which Secrets have
//! content: in the source they have none.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::set::{Set, documents, list, text};
use super::tools::Renderer;
use crate::files::files;
use crate::gate::Gate;
use crate::process::Log;

/// Fewer were found by mistake.
const LEAST: usize = 8;
/// Long enough for any of our secrets, and worth nothing.
const SECRET: &str = "not-a-secret-0123456789";

/// One folder that can be applied.
pub(crate) struct Overlay {
    /// Its objects.
    pub(crate) set: Set,
    /// Where the rendered text is.
    pub(crate) file: PathBuf,
}

impl Overlay {
    /// The settings of one program in this overlay: none in an overlay without it.
    pub(crate) fn settings(&self, program: &str) -> Option<&str> {
        let own = |map: &&Value| text(map, "/metadata/name").starts_with(&format!("{program}-settings-"));
        self.set.of_kind("ConfigMap").find(own).map(|map| text(map, &format!("/data/{program}.json")))
    }
}

/// Renders every folder with a Kustomization that is no base.
///
/// # Errors
/// The copy cannot be made, a folder does not render, or there are fewer than there should be.
pub(crate) fn rendered(gate: &Gate, log: &Log, renderer: &Renderer, copy: &Path) -> anyhow::Result<Vec<Overlay>> {
    if copy.exists() {
        std::fs::remove_dir_all(copy).with_context(|| format!("empty {}", copy.display()))?;
    }
    let source = copy.join("source");
    copied(&gate.root.join("k8s"), &source)?;
    let mut overlays = Vec::new();
    for folder in folders(&source)? {
        let name = folder.strip_prefix(&source).unwrap_or(&folder).to_string_lossy().into_owned();
        log.say(&format!("rendering k8s/{name}"))?;
        let text = renderer.render(&folder)?;
        let file = copy.join(format!("{}.yaml", name.replace('/', "-")));
        std::fs::write(&file, &text).with_context(|| format!("write {}", file.display()))?;
        overlays.push(Overlay { set: Set::read(&name, &text)?, file });
    }
    ensure!(overlays.len() >= LEAST, "only {} folders of k8s can be applied", overlays.len());
    Ok(overlays)
}

/// The text of settings whose secrets are files in this folder, which are made, and whose backups go there.
pub(crate) fn with_secrets_beside(settings: &str, folder: &Path) -> anyhow::Result<String> {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).with_context(|| format!("write {}", secret.display()))?;
    let mut read: Value = serde_json::from_str(settings).context("read settings")?;
    for place in ["/discord/token_file", "/key_file"] {
        if let Some(file) = read.pointer_mut(place) {
            *file = Value::from(secret.to_string_lossy());
        }
    }
    if let Some(backups) = read.pointer_mut("/backup/folder") {
        *backups = Value::from(folder.to_string_lossy());
    }
    Ok(read.to_string())
}

fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.file_name().is_some_and(|name| name == "base") {
        return Ok(found);
    }
    let own = folder.join("kustomization.yaml");
    if own.is_file() {
        let read = std::fs::read_to_string(&own).with_context(|| format!("read {}", own.display()))?;
        let document = documents(&read)?.into_iter().next().with_context(|| format!("{} is empty", own.display()))?;
        if text(&document, "/kind") == "Kustomization" {
            make_secrets(folder, &document)?;
            found.push(folder.to_owned());
        }
    }
    for path in files(folder)?.into_iter().filter(|path| path.is_dir()) {
        found.extend(folders(&path)?);
    }
    Ok(found)
}

/// The files that Secrets are made from, `key=file`.
fn make_secrets(folder: &Path, kustomization: &Value) -> anyhow::Result<()> {
    let named = list(kustomization, "/secretGenerator").iter().flat_map(|secret| list(secret, "/files"));
    for file in
        named.filter_map(Value::as_str).filter_map(|named| named.split_once('=')).map(|(_, file)| folder.join(file))
    {
        std::fs::write(&file, SECRET).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for path in files(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copied(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}
