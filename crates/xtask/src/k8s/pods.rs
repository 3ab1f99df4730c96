//! What every pod must be: Pod Security `restricted` (Kubernetes documentation, Pod Security Standards) and what Relais asks
//! beyond it. A field that may be left out by the standard must be there: who reads a file should not need to know defaults.

use serde_json::Value;

use super::roles::has_rights;
use super::set::{Set, list, quantity, text, title};

/// Volumes that `restricted` knows.
const VOLUMES: &[&str] =
    &["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];
/// Uids up to here belong to the machine's own users.
const MACHINE_UIDS: u64 = 10_000;

/// The workloads: `(title, pod template)`.
pub(crate) fn templates(set: &Set) -> impl Iterator<Item = (String, &Value)> {
    const KINDS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "Job"];
    let workloads = set.objects.iter().filter(|object| KINDS.contains(&text(object, "/kind")));
    workloads.filter_map(|object| Some((title(object), object.pointer("/spec/template")?)))
}

fn containers(template: &Value) -> impl Iterator<Item = &Value> {
    let of = |part: &str| list(template, &format!("/spec/{part}"));
    of("initContainers").iter().chain(of("containers")).chain(of("ephemeralContainers"))
}

/// Every container with the title of its workload.
pub(crate) fn containers_of(set: &Set) -> Vec<(String, &Value)> {
    let of = |(title, template)| containers(template).map(move |container| (String::clone(&title), container));
    templates(set).flat_map(of).collect()
}

/// Whatever `fault` says of each container.
fn each_container(set: &Set, fault: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let of = |(title, template)| {
        containers(template)
            .filter_map(|container| Some(format!("{title}: {}: {}", text(container, "/name"), fault(container)?)))
            .collect::<Vec<_>>()
    };
    templates(set).flat_map(of).collect()
}

/// Whatever `fault` says of each pod.
fn each_pod(set: &Set, fault: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    templates(set).filter_map(|(title, template)| Some(format!("{title}: {}", fault(template)?))).collect()
}

fn is(value: &Value, pointer: &str, wanted: impl Into<Value>) -> bool {
    value.pointer(pointer) == Some(&wanted.into())
}

/// No user of the machine, least of all root, not even by a container's own word.
pub(crate) fn users(set: &Set) -> Vec<String> {
    let mut faults = each_pod(set, |pod| {
        let uid = pod.pointer("/spec/securityContext/runAsUser").and_then(Value::as_u64);
        let good = is(pod, "/spec/securityContext/runAsNonRoot", true) && uid.is_some_and(|uid| uid > MACHINE_UIDS);
        (!good).then(|| format!("runs as {uid:?}: set runAsNonRoot and a runAsUser above {MACHINE_UIDS}"))
    });
    faults.extend(each_container(set, |container| {
        let own = ["runAsUser", "runAsGroup", "runAsNonRoot"];
        let named = own.iter().find(|key| container.pointer(&format!("/securityContext/{key}")).is_some());
        named.map(|key| format!("sets {key} of its own: the pod's holds"))
    }));
    faults
}

/// Nothing to gain: no privilege, no capability, no way to more.
pub(crate) fn privileges(set: &Set) -> Vec<String> {
    each_container(set, |container| {
        let context = container.get("securityContext")?;
        let good = is(context, "/allowPrivilegeEscalation", false)
            && is(context, "/capabilities", serde_json::json!({ "drop": ["ALL"] }))
            && matches!(context.get("privileged"), None | Some(Value::Bool(false)))
            && context.get("procMount").is_none();
        (!good).then(|| "may gain privileges: allowPrivilegeEscalation false and capabilities drop ALL only".to_owned())
    })
    .into_iter()
    .chain(each_container(set, |container| {
        container.get("securityContext").is_none().then(|| "has no securityContext".to_owned())
    }))
    .collect()
}

/// Nothing can be written but what is mounted for it.
pub(crate) fn roots(set: &Set) -> Vec<String> {
    each_container(set, |container| {
        let good = is(container, "/securityContext/readOnlyRootFilesystem", true);
        (!good).then(|| "can write its root: set readOnlyRootFilesystem".to_owned())
    })
}

/// The runtime's filter of system calls holds.
pub(crate) fn seccomp(set: &Set) -> Vec<String> {
    let mut faults = each_pod(set, |pod| {
        let good = is(pod, "/spec/securityContext/seccompProfile/type", "RuntimeDefault");
        (!good).then(|| "has no seccomp profile: set RuntimeDefault".to_owned())
    });
    faults.extend(each_container(set, |container| {
        let own = container.pointer("/securityContext/seccompProfile").is_some();
        own.then(|| "has a seccomp profile of its own: the pod's holds".to_owned())
    }));
    faults
}

/// Nothing of the machine: no namespace, no port, no path, no foreign volume.
pub(crate) fn machine(set: &Set) -> Vec<String> {
    let mut faults = each_pod(set, |pod| {
        let shared =
            ["hostNetwork", "hostPID", "hostIPC"].into_iter().find(|key| is(pod, &format!("/spec/{key}"), true));
        let foreign = list(pod, "/spec/volumes").iter().find(|volume| {
            volume.as_object().is_none_or(|keys| !keys.keys().any(|key| VOLUMES.contains(&key.as_str())))
        });
        match (shared, foreign) {
            (Some(key), _) => Some(format!("has {key}")),
            (None, Some(volume)) => Some(format!("volume {} is of a kind that is not allowed", text(volume, "/name"))),
            (None, None) => None,
        }
    });
    faults.extend(each_container(set, |container| {
        let taken = list(container, "/ports").iter().find(|port| port.get("hostPort").is_some());
        taken.map(|_| "takes a port of the machine".to_owned())
    }));
    faults
}

/// No pod carries a key to the cluster, unless a role of its overlay says what the key opens.
pub(crate) fn tokens(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for (title, pod) in templates(set) {
        let entitled = has_rights(set, text(pod, "/spec/serviceAccountName"));
        if !is(pod, "/spec/automountServiceAccountToken", entitled) {
            faults.push(format!("{title}: set automountServiceAccountToken {entitled}"));
        }
    }
    for account in set.of_kind("ServiceAccount") {
        let entitled = has_rights(set, text(account, "/metadata/name"));
        if !is(account, "/automountServiceAccountToken", entitled) {
            faults.push(format!("{}: set automountServiceAccountToken {entitled}", title(account)));
        }
    }
    faults
}

/// What each may use, so that one cannot starve the other.
pub(crate) fn resources(set: &Set) -> Vec<String> {
    each_container(set, |container| {
        let of = |part: &str, what: &str| container.pointer(&format!("/resources/{part}/{what}")).and_then(quantity);
        ["cpu", "memory", "ephemeral-storage"].into_iter().find_map(|what| {
            match (of("requests", what), of("limits", what)) {
                (Some(asked), Some(most)) if asked <= most => None,
                (Some(_), Some(_)) => Some(format!("asks for more {what} than its limit")),
                (None, _) | (_, None) => Some(format!("has no request or no limit of {what}")),
            }
        })
    })
}

/// All three probes, on a port that has a name here.
pub(crate) fn probes(set: &Set) -> Vec<String> {
    each_container(set, |container| {
        ["startupProbe", "livenessProbe", "readinessProbe"].into_iter().find_map(|probe| {
            let by = |way: &str| container.pointer(&format!("/{probe}/{way}/port"));
            let port = by("httpGet").or_else(|| by("tcpSocket"));
            let known = list(container, "/ports").iter().any(|named| named.get("name") == port);
            (port.is_none() || !known).then(|| format!("{probe} asks no port of this container"))
        })
    })
}

/// Liveness asks for life alone: a pod that is restarted because somebody else is away ends what it still does.
pub(crate) fn liveness(set: &Set) -> Vec<String> {
    const LIFE: &[&str] = &["/livez", "/-/healthy", "/api/health", "/healthz", "/healthz?full=true"];
    each_container(set, |container| {
        // That a port answers is life and no more.
        if container.pointer("/livenessProbe/tcpSocket").is_some() {
            return None;
        }
        let path = text(container, "/livenessProbe/httpGet/path");
        (!LIFE.contains(&path)).then(|| format!("liveness asks {path:?}, which is not among {LIFE:?}"))
    })
}

/// One at a time: a second bot could only wait for the first one's lease. A StatefulSet ends a pod before it starts its next.
pub(crate) fn one_at_a_time(set: &Set) -> Vec<String> {
    let fault = |workload: &Value| {
        let stateful = text(workload, "/kind") == "StatefulSet";
        let good = (stateful || is(workload, "/spec/strategy/type", "Recreate")) && is(workload, "/spec/replicas", 1);
        (!good).then(|| format!("{}: set strategy Recreate and one replica", title(workload)))
    };
    set.of_kind("Deployment").chain(set.of_kind("StatefulSet")).filter_map(fault).collect()
}
