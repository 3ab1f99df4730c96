//! Who may do what to the cluster. A site needs no rights at all; ArgoCD needs those over the kinds that Git may change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::set::{Set, documents, list, text, title};

const ROLES: &[&str] = &["Role", "ClusterRole"];
const BINDINGS: &[&str] = &["RoleBinding", "ClusterRoleBinding"];
/// Rights that make more of themselves.
const ESCALATING: &[&str] = &["*", "bind", "escalate", "impersonate"];
/// Resources behind which everything else is, or a shell.
const FORBIDDEN: &[&str] = &["*", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "pods/exec", "nodes"];
/// What only looks.
const LOOKING: &[&str] = &["get", "list", "watch"];

fn is_one_of(object: &Value, kinds: &[&str]) -> bool {
    kinds.contains(&text(object, "/kind"))
}

/// Resources and verbs of each rule.
fn rules(role: &Value) -> impl Iterator<Item = (Vec<&str>, Vec<&str>)> {
    list(role, "/rules").iter().map(|rule| (words(rule, "/resources"), words(rule, "/verbs")))
}

fn words<'a>(rule: &'a Value, at: &str) -> Vec<&'a str> {
    list(rule, at).iter().filter_map(Value::as_str).collect()
}

/// A role says what it allows word by word, none of it makes more of itself, and Secrets are read in one's own namespace only.
/// A binding gives a role of this set to an account of this set.
pub(crate) fn roles(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for role in set.objects.iter().filter(|object| is_one_of(object, ROLES)) {
        if list(role, "/rules").iter().any(|rule| rule.get("nonResourceURLs").is_some()) {
            faults.push(format!("{}: allows addresses that are no resources", title(role)));
        }
        for (resources, verbs) in rules(role) {
            let found = |words: &[&str], forbidden: &[&str]| words.iter().any(|word| forbidden.contains(word));
            if found(&resources, FORBIDDEN) || found(&verbs, ESCALATING) {
                faults.push(format!("{}: allows {verbs:?} of {resources:?}", title(role)));
            }
            let looks = verbs.iter().all(|verb| LOOKING.contains(verb));
            if resources.contains(&"secrets") && (text(role, "/kind") != "Role" || !looks) {
                faults.push(format!("{}: allows {verbs:?} of Secrets", title(role)));
            }
        }
    }
    for binding in set.objects.iter().filter(|object| is_one_of(object, BINDINGS)) {
        let role = |object: &Value| {
            text(object, "/kind") == text(binding, "/roleRef/kind")
                && text(object, "/metadata/name") == text(binding, "/roleRef/name")
        };
        let known = |subject: &Value| {
            text(subject, "/kind") == "ServiceAccount"
                && set.has("ServiceAccount", text(subject, "/namespace"), text(subject, "/name"))
        };
        let subjects = list(binding, "/subjects");
        if !set.objects.iter().any(role) || subjects.is_empty() || !subjects.iter().all(known) {
            faults.push(format!("{}: binds what is not of this overlay", title(binding)));
        }
    }
    faults
}

/// Whether a binding of this set gives that account a right.
pub(crate) fn has_rights(set: &Set, account: &str) -> bool {
    let names = |binding: &Value| list(binding, "/subjects").iter().any(|subject| text(subject, "/name") == account);
    set.objects.iter().filter(|object| is_one_of(object, BINDINGS)).any(names)
}

/// The kinds that ArgoCD watches are those that its roles let it list, and those that the projects allow.
pub(crate) fn watched(set: &Set, told: &[&Set]) -> Vec<String> {
    let named = |map: &&Value| text(map, "/metadata/name") == "argocd-cm";
    let Some(settings) = set.of_kind("ConfigMap").find(named) else { return Vec::new() };
    let inclusions = documents(text(settings, "/data/resource.inclusions")).unwrap_or_default();
    let kinds = inclusions.iter().flat_map(|all| all.as_array().into_iter().flatten());
    let watched: BTreeSet<&str> = kinds.flat_map(|one| list(one, "/kinds")).filter_map(Value::as_str).collect();
    let lists = ["/spec/clusterResourceWhitelist", "/spec/namespaceResourceWhitelist"];
    let projects = told.iter().flat_map(|other| other.of_kind("AppProject"));
    let allowed: BTreeSet<&str> = projects
        .flat_map(|project| lists.iter().flat_map(|at| list(project, at)))
        .map(|kind| text(kind, "/kind"))
        .collect();
    let mut faults: Vec<String> = watched
        .symmetric_difference(&allowed)
        .map(|kind| format!("{kind} is either watched or allowed by a project, and must be both"))
        .collect();
    let cluster_wide = set.of_kind("ClusterRole").flat_map(rules);
    let listed: BTreeSet<&str> =
        cluster_wide.filter(|(_, verbs)| verbs.contains(&"list")).flat_map(|(resources, _)| resources).collect();
    faults.extend(
        watched
            .iter()
            .filter(|kind| !listed.contains(plural(kind).as_str()))
            .map(|kind| format!("{kind} is watched and no role lets it be listed")),
    );
    faults
}

/// The resource of a kind: `NetworkPolicy` is `networkpolicies`.
fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if lower.ends_with('s') => format!("{lower}es"),
        None => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{plural, watched};
    use crate::k8s::set::Set;

    fn argocd(kinds: &str, resources: &[&str]) -> Set {
        let settings = json!({
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm"},
            "data": {"resource.inclusions": format!("- apiGroups: [apps]\n  kinds: [{kinds}]\n")},
        });
        let role = json!({"kind": "ClusterRole", "rules": [{"resources": resources, "verbs": ["get", "list"]}]});
        Set { name: "argocd".to_owned(), objects: vec![settings, role] }
    }

    #[test]
    fn what_is_watched_is_allowed_and_listed() {
        let project = json!({"kind": "AppProject", "spec": {"clusterResourceWhitelist": [{"kind": "Deployment"}]}});
        let told = Set { name: "gitops".to_owned(), objects: vec![project] };
        assert_eq!(watched(&argocd("Deployment", &["deployments"]), &[&told]), Vec::<String>::new());
        assert_eq!(watched(&argocd("Deployment", &["pods"]), &[&told]).len(), 1);
        assert_eq!(watched(&argocd("Deployment, Pod", &["deployments", "pods"]), &[&told]).len(), 1);
        assert_eq!(watched(&argocd("Pod", &["pods"]), &[&told]).len(), 2);
    }

    #[test]
    fn kinds_have_their_plurals() {
        let plurals = ["NetworkPolicy", "PriorityClass", "Deployment"].map(plural);
        assert_eq!(plurals, ["networkpolicies", "priorityclasses", "deployments"]);
    }
}
