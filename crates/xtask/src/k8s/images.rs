//! Images: what the manifests name is what the flake makes. Both read the same file, `k8s/images.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pods::containers_of;
use super::set::{Set, text};

/// Name and tag of every image that the flake makes.
const MADE: &str = include_str!("../../../../k8s/images.json");
/// No manifest names it: the cluster is started with it.
const OF_THE_CLUSTER: &str = "localhost/relais-pause";

fn made() -> BTreeMap<String, String> {
    // An empty list refuses every image; a test reads the file.
    serde_json::from_str(MADE).unwrap_or_default()
}

/// The references that manifests may have.
fn references() -> BTreeSet<String> {
    made().into_iter().map(|(name, tag)| format!("{name}:{tag}")).collect()
}

/// Images are on the machine, in one known version, and are asked for nowhere else.
pub(crate) fn known(set: &Set) -> Vec<String> {
    let made = references();
    let fault = |(title, container): (String, &Value)| {
        let image = text(container, "/image");
        if !made.contains(image) {
            return Some(format!("{title}: image {image:?} is none of k8s/images.json"));
        }
        let pulled = text(container, "/imagePullPolicy") != "Never";
        pulled.then(|| format!("{title}: image {image:?} may be pulled: set imagePullPolicy Never"))
    };
    containers_of(set).into_iter().filter_map(fault).collect()
}

/// Images that the flake makes and nothing uses.
pub(crate) fn idle(sets: &[&Set]) -> Vec<String> {
    let used: BTreeSet<&str> =
        sets.iter().flat_map(|set| containers_of(set)).map(|(_, container)| text(container, "/image")).collect();
    let nobody = |image: &String| !used.contains(image.as_str()) && !image.starts_with(OF_THE_CLUSTER);
    references().into_iter().filter(nobody).map(|image| format!("nothing uses {image} of k8s/images.json")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{idle, known, made};
    use crate::k8s::set::Set;

    fn with(image: &str, policy: &str) -> Set {
        let container = json!({"name": "a", "image": image, "imagePullPolicy": policy});
        let spec = json!({"template": {"spec": {"containers": [container]}}});
        Set { name: "site".to_owned(), objects: vec![json!({"kind": "Deployment", "spec": spec})] }
    }

    #[test]
    fn every_image_is_local_and_of_this_version() {
        let made = made();
        assert!(made.len() >= 5, "{made:?}");
        for (name, tag) in made {
            assert!(name.starts_with("localhost/relais-"), "{name}");
            assert_eq!(tag, env!("CARGO_PKG_VERSION"), "{name}");
        }
    }

    #[test]
    fn what_is_made_and_never_pulled_is_good() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(known(&with(&format!("localhost/relais-bot:{version}"), "Never")), Vec::<String>::new());
        assert_eq!(known(&with(&format!("localhost/relais-bot:{version}"), "IfNotPresent")).len(), 1);
        assert_eq!(known(&with("localhost/relais-bot:latest", "Never")).len(), 1);
        assert_eq!(known(&with("localhost/relais-nobody:0.1.0", "Never")).len(), 1);
    }

    #[test]
    fn an_image_that_nothing_uses_is_told() {
        let set = with(&format!("localhost/relais-bot:{}", env!("CARGO_PKG_VERSION")), "Never");
        let told = idle(&[&set]);
        assert!(told.iter().any(|fault| fault.contains("relais-health")), "{told:?}");
        assert!(!told.iter().any(|fault| fault.contains("relais-bot") || fault.contains("relais-pause")), "{told:?}");
    }
}
