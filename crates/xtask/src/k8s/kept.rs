//! What must outlive a pod.

use std::path::Path;

use serde_json::Value;

use super::pods::templates;
use super::set::{Set, list, text, title};

/// What the name of the object with a bot's settings begins with.
pub(crate) const SETTINGS: &str = "bot-settings-";

/// A bot's backups go to a volume that outlives its pod, and not into the pod's own files, which go with it.
pub(crate) fn backups(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    let own = |map: &&Value| text(map, "/metadata/name").starts_with(SETTINGS);
    for map in set.of_kind("ConfigMap").filter(own) {
        let settings: Value = serde_json::from_str(text(map, "/data/bot.json")).unwrap_or_default();
        let folder = text(&settings, "/backup/folder");
        if folder.is_empty() {
            faults.push(format!("{}: the bot takes no backups", title(map)));
            continue;
        }
        let name = text(map, "/metadata/name");
        for (title, pod) in templates(set).filter(|(_, pod)| mounts_settings(pod, name)) {
            if !claims(pod).any(|path| Path::new(folder).starts_with(path)) {
                faults.push(format!("{title}: {folder} is on no volume that outlives the pod"));
            }
        }
    }
    faults
}

fn mounts_settings(pod: &Value, name: &str) -> bool {
    list(pod, "/spec/volumes").iter().any(|volume| text(volume, "/configMap/name") == name)
}

/// Where claimed volumes are mounted that can be written.
fn claims(pod: &Value) -> impl Iterator<Item = &str> {
    let mounts = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/volumeMounts"));
    let writable = mounts.filter(|mount| mount.get("readOnly").and_then(Value::as_bool) != Some(true));
    let claimed = |mount: &&Value| {
        let own = |volume: &&Value| text(volume, "/name") == text(mount, "/name");
        let volume = list(pod, "/spec/volumes").iter().find(own);
        volume.is_some_and(|volume| volume.get("persistentVolumeClaim").is_some())
    };
    writable.filter(claimed).map(|mount| text(mount, "/mountPath"))
}
