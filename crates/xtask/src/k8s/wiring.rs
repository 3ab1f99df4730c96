//! What the objects of one overlay say of each other: labels, selectors, names, room, ways.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::pods::templates;
use super::set::{Set, list, quantity, selects, text, title};

const LABELS: &[&str] = &["name", "instance", "version", "component", "part-of", "managed-by"];
const SELECTED_BY: &[&str] = &["app.kubernetes.io/component", "app.kubernetes.io/name"];
const CLUSTER_WIDE: &[&str] = &["ClusterRole", "ClusterRoleBinding", "Namespace", "PersistentVolume", "PriorityClass"];
/// Where ArgoCD is given rights by its own overlay.
const DEPLOYED_TO: &[&str] = &["relais", "relais-monitoring"];
/// Where clouds keep a machine's credentials.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// All six recommended labels, on objects and on pods.
pub(crate) fn labels(set: &Set) -> Vec<String> {
    let lacking = |labels: Option<&Value>| {
        let key = |label: &str| format!("app.kubernetes.io/{label}");
        LABELS.iter().find(|label| labels.and_then(|labels| labels.get(key(label))).is_none())
    };
    let objects = set.objects.iter().map(|object| (title(object), object.pointer("/metadata/labels")));
    let pods = templates(set).map(|(title, pod)| (format!("pods of {title}"), pod.pointer("/metadata/labels")));
    let fault = |(title, labels)| Some(format!("{title}: no label app.kubernetes.io/{}", lacking(labels)?));
    objects.chain(pods).filter_map(fault).collect()
}

/// Every object says where it belongs, and the namespace is one of this overlay.
pub(crate) fn namespaces(set: &Set) -> Vec<String> {
    let fault = |object: &&Value| {
        let namespace = text(object, "/metadata/namespace");
        let known = set.of_kind("Namespace").any(|own| text(own, "/metadata/name") == namespace);
        let wide = CLUSTER_WIDE.contains(&text(object, "/kind"));
        let bound = text(object, "/kind") == "RoleBinding" && DEPLOYED_TO.contains(&namespace);
        if wide { !namespace.is_empty() } else { !known && !bound }
    };
    set.objects
        .iter()
        .filter(fault)
        .map(|object| format!("{}: not in a namespace of this overlay", title(object)))
        .collect()
}

/// The cluster itself refuses a pod that is not restricted.
pub(crate) fn admission(set: &Set) -> Vec<String> {
    let lacking = |object: &Value| {
        let level =
            |mode: &str| object.pointer(&format!("/metadata/labels/pod-security.kubernetes.io~1{mode}")).cloned();
        let mode = ["enforce", "audit", "warn"].into_iter().find(|mode| level(mode) != Some("restricted".into()))?;
        Some(format!("{}: pod-security.kubernetes.io/{mode} is not restricted", title(object)))
    };
    set.of_kind("Namespace").filter_map(lacking).collect()
}

/// A selector has name and component alone (others change with a version), and meets exactly what it is for.
pub(crate) fn selectors(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for object in &set.objects {
        let pointer = match text(object, "/kind") {
            "Deployment" | "StatefulSet" | "PodDisruptionBudget" => "/spec/selector/matchLabels",
            "Service" if object.pointer("/spec/selector").is_some() => "/spec/selector",
            "NetworkPolicy" if object.pointer("/spec/podSelector/matchLabels").is_some() => {
                "/spec/podSelector/matchLabels"
            }
            _ => continue,
        };
        let selector = object.pointer(pointer);
        let keys: Vec<&str> =
            selector.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        if keys.iter().copied().collect::<BTreeSet<_>>() != SELECTED_BY.iter().copied().collect() {
            faults.push(format!("{}: selects by {keys:?} instead of name and component", title(object)));
        }
        let met = templates(set).filter(|(_, pod)| selects(selector, pod.pointer("/metadata/labels"))).count();
        if met != 1 {
            faults.push(format!("{}: its selector meets {met} workloads instead of one", title(object)));
        }
        let pods = object.pointer("/spec/template/metadata/labels");
        if pods.is_some() && !selects(selector, pods) {
            faults.push(format!("{}: does not select its own pods", title(object)));
        }
    }
    faults
}

/// Ports that services lead to have their name at the pod.
pub(crate) fn ports(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for service in set.of_kind("Service") {
        let selector = service.pointer("/spec/selector");
        let pods = templates(set).filter(|(_, pod)| selects(selector, pod.pointer("/metadata/labels")));
        let named: Vec<&Value> = pods
            .flat_map(|(_, pod)| list(pod, "/spec/containers"))
            .flat_map(|container| list(container, "/ports"))
            .filter_map(|port| port.get("name"))
            .collect();
        for target in list(service, "/spec/ports").iter().filter_map(|port| port.get("targetPort")) {
            if !named.contains(&target) {
                faults.push(format!("{}: leads to {target}, which no container has", title(service)));
            }
        }
    }
    faults
}

/// What a pod names is there. Secrets are made elsewhere: none may be in what Git applies.
pub(crate) fn references(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for (title, pod) in templates(set) {
        let namespace = set.of_kind("Namespace").next().map(|own| text(own, "/metadata/name")).unwrap_or_default();
        let mut needed = vec![("ServiceAccount", text(pod, "/spec/serviceAccountName"))];
        for volume in list(pod, "/spec/volumes") {
            needed.push(("ConfigMap", text(volume, "/configMap/name")));
            needed.push(("PersistentVolumeClaim", text(volume, "/persistentVolumeClaim/claimName")));
            let projected = list(volume, "/projected/sources").iter();
            needed.extend(projected.map(|source| ("ConfigMap", text(source, "/configMap/name"))));
        }
        for (kind, name) in needed.into_iter().filter(|(kind, name)| !name.is_empty() || *kind == "ServiceAccount") {
            if !set.has(kind, namespace, name) {
                faults.push(format!("{title}: names {kind} {name:?}, which is not there"));
            }
        }
        let class = text(pod, "/spec/priorityClassName");
        if !class.is_empty() && !set.has("PriorityClass", "", class) {
            faults.push(format!("{title}: names PriorityClass {class:?}, which is not there"));
        }
    }
    let secrets = set.of_kind("Secret").map(|secret| format!("{}: a Secret in what Git applies", title(secret)));
    faults.into_iter().chain(secrets).collect()
}

/// Whatever a pod mounts, it has; whatever it has, it mounts.
pub(crate) fn mounts(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for (title, pod) in templates(set) {
        let names = |values: &[Value]| values.iter().map(|one| text(one, "/name").to_owned()).collect::<BTreeSet<_>>();
        let has = names(list(pod, "/spec/volumes"));
        let mounts = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/volumeMounts"));
        let mounted = names(&mounts.cloned().collect::<Vec<_>>());
        faults.extend(
            has.symmetric_difference(&mounted)
                .map(|name| format!("{title}: volume {name:?} is not both had and mounted")),
        );
    }
    faults
}

/// The quota holds what is asked for, or nothing would start.
pub(crate) fn room(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    let quotas: Vec<&Value> = set.of_kind("ResourceQuota").collect();
    if quotas.len() != set.of_kind("Namespace").count() {
        faults.push(format!("{} quotas for {} namespaces", quotas.len(), set.of_kind("Namespace").count()));
    }
    for quota in quotas {
        for part in ["requests", "limits"] {
            for what in ["cpu", "memory", "ephemeral-storage"] {
                let most = quota.pointer(&format!("/spec/hard/{part}.{what}")).and_then(quantity).unwrap_or(0);
                let asked =
                    |container: &Value| container.pointer(&format!("/resources/{part}/{what}")).and_then(quantity);
                let all =
                    templates(set).flat_map(|(_, pod)| list(pod, "/spec/containers")).filter_map(asked).sum::<u64>();
                if all > most {
                    faults.push(format!("{}: {part}.{what} does not hold what the pods ask for", title(quota)));
                }
            }
        }
    }
    faults
}

/// Nothing is let through by default, both ways.
pub(crate) fn default_deny(set: &Set) -> Vec<String> {
    let closes = |policy: &Value| {
        let types = list(policy, "/spec/policyTypes");
        let all = policy.pointer("/spec/podSelector").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty);
        let rules = policy.pointer("/spec/ingress").or_else(|| policy.pointer("/spec/egress"));
        all && rules.is_none() && ["Ingress", "Egress"].iter().all(|way| types.contains(&Value::from(*way)))
    };
    let denies = |namespace: &&Value| {
        let name = text(namespace, "/metadata/name");
        let own = |policy: &Value| text(policy, "/metadata/namespace") == name && closes(policy);
        !set.of_kind("NetworkPolicy").any(own)
    };
    let open = set.of_kind("Namespace").filter(denies);
    open.map(|namespace| format!("{}: no policy denies by default", title(namespace))).collect()
}

/// No rule lets a pod reach the machine's metadata, and none lets it reach everything.
pub(crate) fn metadata(set: &Set) -> Vec<String> {
    let mut faults = Vec::new();
    for policy in set.of_kind("NetworkPolicy") {
        for rule in list(policy, "/spec/egress") {
            let to = list(rule, "/to");
            if to.is_empty() {
                faults.push(format!("{}: a rule that lets everything out", title(policy)));
            }
            for block in to.iter().filter_map(|peer| peer.get("ipBlock")) {
                let within = |cidr: &str| contains(cidr, METADATA);
                let excepted = list(block, "/except").iter().filter_map(Value::as_str).any(within);
                if within(text(block, "/cidr")) && !excepted {
                    faults.push(format!("{}: lets pods reach {METADATA}", title(policy)));
                }
                let six = text(block, "/cidr");
                // fd00:ec2::254 is the other address; unique local addresses are not within 2000::/3.
                if six.contains(':') && six != "2000::/3" {
                    faults.push(format!("{}: {six} is more than the public addresses 2000::/3", title(policy)));
                }
            }
        }
    }
    faults
}

fn contains(cidr: &str, address: Ipv4Addr) -> bool {
    let Some((network, bits)) = cidr.split_once('/') else { return false };
    let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else { return false };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::contains;

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let address = Ipv4Addr::new(169, 254, 169, 254);
        for cidr in ["0.0.0.0/0", "169.254.0.0/16", "169.254.169.254/32", "128.0.0.0/1"] {
            assert!(contains(cidr, address), "{cidr}");
        }
        for cidr in ["10.0.0.0/8", "169.254.169.253/32", "0.0.0.0/1", "2000::/3", "nonsense", ""] {
            assert!(!contains(cidr, address), "{cidr}");
        }
    }
}
