//! What ArgoCD is told. Its schemas are not at hand everywhere, so what Relais uses of them is written down here as types that
//! know no other key: a misspelt one would be ignored by nobody until it is missed.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::set::{Set, list, text, title};

/// Of an Application, what Relais uses (argoproj.io/v1alpha1).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Application {
    project: String,
    source: Source,
    destination: Destination,
    sync_policy: SyncPolicy,
    revision_history_limit: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Source {
    #[serde(rename = "repoURL")]
    repo_url: String,
    target_revision: String,
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Destination {
    server: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SyncPolicy {
    automated: Automated,
    sync_options: Vec<String>,
    retry: Retry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Automated {
    prune: bool,
    self_heal: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the backoff is read by serde only")]
struct Retry {
    limit: i64,
    refresh: bool,
    backoff: Backoff,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Backoff {
    duration: String,
    factor: u32,
    max_duration: String,
}

/// Of an AppProject, what Relais uses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Project {
    description: String,
    source_repos: Vec<String>,
    destinations: Vec<Destination>,
    cluster_resource_whitelist: Vec<Kind>,
    namespace_resource_whitelist: Vec<Kind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by serde only: the shape is what is judged")]
struct Kind {
    group: String,
    kind: String,
}

fn spec<T: for<'a> Deserialize<'a>>(object: &Value) -> Result<T, String> {
    let spec = object.get("spec").cloned().unwrap_or(Value::Object(Map::new()));
    serde_json::from_value(spec).map_err(|error| format!("{}: {error}", title(object)))
}

/// No key that is not known, none that is missing, every value of its type.
pub(crate) fn shape(set: &Set) -> Vec<String> {
    let applications = set.of_kind("Application").filter_map(|object| spec::<Application>(object).err());
    let projects = set.of_kind("AppProject").filter_map(|object| spec::<Project>(object).err());
    let others = set.objects.iter().filter(|object| text(object, "/apiVersion") != "argoproj.io/v1alpha1");
    applications
        .chain(projects)
        .chain(others.map(|object| format!("{}: not one of ArgoCD's kinds", title(object))))
        .collect()
}

/// By itself, for ever, on the server.
pub(crate) fn tries(set: &Set) -> Vec<String> {
    let fault = |object: &Value| {
        let Ok(policy) = serde_json::from_value::<SyncPolicy>(object.pointer("/spec/syncPolicy")?.clone()) else {
            return Some(format!("{}: no sync policy", title(object)));
        };
        let good = policy.automated.prune
            && policy.automated.self_heal
            && policy.retry.limit < 0
            && policy.retry.refresh
            && policy.sync_options.iter().any(|option| option == "ServerSideApply=true");
        (!good).then(|| format!("{}: set prune, selfHeal, ServerSideApply, and retries without end", title(object)))
    };
    set.of_kind("Application").filter_map(fault).collect()
}

/// Each application has a project of this set that allows its repository and its place, and no project allows what it must not.
pub(crate) fn narrow(set: &Set) -> Vec<String> {
    const NEVER: &[&str] =
        &["*", "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"];
    let mut faults = Vec::new();
    for application in set.of_kind("Application") {
        let own = |project: &&Value| text(project, "/metadata/name") == text(application, "/spec/project");
        let Some(project) = set.of_kind("AppProject").find(own) else {
            faults.push(format!("{}: its project is not there", title(application)));
            continue;
        };
        let repository = application.pointer("/spec/source/repoURL");
        let place = application.pointer("/spec/destination");
        let allowed = list(project, "/spec/sourceRepos").iter().any(|one| Some(one) == repository)
            && list(project, "/spec/destinations").iter().any(|one| Some(one) == place);
        if !allowed {
            faults.push(format!("{}: its project does not allow its repository and place", title(application)));
        }
    }
    for project in set.of_kind("AppProject") {
        let wide = |values: &[Value], key: &str| values.iter().any(|one| text(one, key).contains('*'));
        let kinds =
            [list(project, "/spec/clusterResourceWhitelist"), list(project, "/spec/namespaceResourceWhitelist")]
                .concat();
        if wide(list(project, "/spec/destinations"), "/namespace") || wide(list(project, "/spec/sourceRepos"), "") {
            faults.push(format!("{}: allows every place or repository", title(project)));
        }
        if let Some(kind) = kinds.iter().map(|kind| text(kind, "/kind")).find(|kind| NEVER.contains(kind)) {
            faults.push(format!("{}: allows {kind}", title(project)));
        }
    }
    faults
}

/// Each application's folder is one that renders, and its project allows every kind in it. Otherwise the cluster would be the
/// first to say no.
pub(crate) fn allowed(set: &Set, rendered: &[&Set]) -> Vec<String> {
    let mut faults = Vec::new();
    for application in set.of_kind("Application") {
        let path = text(application, "/spec/source/path").trim_start_matches("k8s/");
        let Some(folder) = rendered.iter().find(|other| other.name == path) else {
            faults.push(format!("{}: nothing renders at {path:?}", title(application)));
            continue;
        };
        let own = |project: &&Value| text(project, "/metadata/name") == text(application, "/spec/project");
        let kinds = |list_of: &str| {
            let projects = set.of_kind("AppProject").filter(own);
            projects.flat_map(|project| list(project, list_of).to_vec()).collect::<Vec<_>>()
        };
        let (wide, narrow) = (kinds("/spec/clusterResourceWhitelist"), kinds("/spec/namespaceResourceWhitelist"));
        for object in &folder.objects {
            let (group, _) = text(object, "/apiVersion").split_once('/').unwrap_or(("", ""));
            let kind = serde_json::json!({ "group": group, "kind": text(object, "/kind") });
            let place = text(object, "/metadata/namespace");
            let there = place.is_empty() || place == text(application, "/spec/destination/namespace");
            let list = if place.is_empty() { &wide } else { &narrow };
            if !there || !list.contains(&kind) {
                faults.push(format!("{}: its project does not allow {} of {path}", title(application), title(object)));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::allowed;
    use crate::k8s::set::Set;

    fn told(kind: &str) -> Set {
        let project = json!({
            "kind": "AppProject",
            "metadata": {"name": "p"},
            "spec": {"clusterResourceWhitelist": [], "namespaceResourceWhitelist": [{"group": "apps", "kind": kind}]},
        });
        let application = json!({
            "kind": "Application",
            "metadata": {"name": "a"},
            "spec": {"project": "p", "source": {"path": "k8s/site"}, "destination": {"namespace": "n"}},
        });
        Set { name: "gitops".to_owned(), objects: vec![project, application] }
    }

    fn site(namespace: &str) -> Set {
        let metadata = json!({"name": "d", "namespace": namespace});
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
        Set { name: "site".to_owned(), objects: vec![deployment] }
    }

    #[test]
    fn a_project_that_allows_every_kind_of_its_folder_is_good() {
        assert_eq!(allowed(&told("Deployment"), &[&site("n")]), Vec::<String>::new());
    }

    #[test]
    fn a_kind_a_place_and_a_folder_that_are_not_allowed_are_refused() {
        assert_eq!(allowed(&told("StatefulSet"), &[&site("n")]).len(), 1);
        assert_eq!(allowed(&told("Deployment"), &[&site("elsewhere")]).len(), 1);
        assert_eq!(allowed(&told("Deployment"), &[]), ["Application a: nothing renders at \"site\""]);
    }
}
