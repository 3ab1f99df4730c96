//! What is applied to a test cluster: an overlay as Kustomize renders it, in the words of a Kubernetes that is older than it.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::kube::NAMESPACE;
use crate::gate::Gate;
use crate::k8s::set::{documents, list, text, title};
use crate::k8s::tools::Renderer;
use crate::process::Log;

/// An overlay's objects in their order.
///
/// # Errors
/// Nothing renders here, or the overlay does not.
pub(crate) fn rendered(gate: &Gate, log: &Log, overlay: &str) -> anyhow::Result<Vec<Value>> {
    let renderer = match Renderer::found(gate, log)? {
        Ok(renderer) => renderer,
        Err(why) => bail!("not run: {why}"),
    };
    let text = renderer.render(&gate.root.join("k8s/overlays").join(overlay))?;
    documents(&text).with_context(|| format!("read what {overlay} renders"))
}

/// The same objects for Kubernetes 1.20, and in words what was changed and what nobody there heeds.
pub(crate) fn translated(objects: &[Value]) -> (Vec<Value>, Vec<String>) {
    let mut said = Vec::new();
    let mut translated = objects.to_vec();
    for object in &mut translated {
        let named = title(object);
        match (text(object, "/apiVersion"), text(object, "/kind")) {
            ("policy/v1", "PodDisruptionBudget") => {
                object["apiVersion"] = "policy/v1beta1".into();
                if let Some(spec) = object["spec"].as_object_mut() {
                    spec.remove("unhealthyPodEvictionPolicy");
                }
                said.push(format!("{named}: as policy/v1beta1, without unhealthyPodEvictionPolicy"));
            }
            ("v1", "Service") => {
                // It merges ports by a key of which it does not know the default.
                for port in object.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    if port.get("protocol").is_none() {
                        port["protocol"] = "TCP".into();
                    }
                }
                said.push(format!("{named}: protocol TCP written out"));
            }
            ("networking.k8s.io/v1", "NetworkPolicy") => {
                said.push(format!("{named}: accepted, and enforced by nobody"))
            }
            ("v1", "Namespace") => {
                said.push(format!("{named}: its Pod Security labels are kept, and judged by nobody"))
            }
            _ => {}
        }
    }
    (translated, said)
}

/// The images that the objects' pods are made of.
pub(crate) fn images(objects: &[Value]) -> Vec<String> {
    let containers = objects.iter().flat_map(|object| list(object, "/spec/template/spec/containers"));
    let mut named: Vec<String> = containers.map(|container| text(container, "/image").to_owned()).collect();
    named.sort();
    named.dedup();
    named
}

/// A Secret with one key.
pub(crate) fn secret(name: &str, key: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels("secrets") },
        "stringData": { key: value },
    })
}

/// Where a service without a selector leads.
pub(crate) fn endpoints(service: &str, port: &str, address: SocketAddr) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": { "name": service, "namespace": NAMESPACE, "labels": labels(service) },
        "subsets": [{
            "addresses": [{ "ip": address.ip() }],
            "ports": [{ "name": port, "port": address.port(), "protocol": "TCP" }],
        }],
    })
}

/// A service without a selector.
pub(crate) fn service(name: &str, cluster: SocketAddr, port: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels(name) },
        "spec": { "clusterIP": cluster.ip(), "ports": [{ "name": port, "port": cluster.port(), "protocol": "TCP" }] },
    })
}

fn labels(component: &str) -> Value {
    json!({ "app.kubernetes.io/name": "relais", "app.kubernetes.io/component": component })
}

/// Changes the settings of a program (`bot`, `health`) in the map that has them.
///
/// # Errors
/// There is no such map, or it holds no JSON.
pub(crate) fn with_settings(
    objects: &mut [Value],
    program: &str,
    change: impl FnOnce(&mut Value),
) -> anyhow::Result<()> {
    let own = |object: &&mut Value| {
        text(object, "/kind") == "ConfigMap"
            && text(object, "/metadata/name").starts_with(&format!("{program}-settings"))
    };
    let map = objects.iter_mut().find(own).with_context(|| format!("no settings of {program}"))?;
    let file = format!("{program}.json");
    let mut settings = serde_json::from_str(text(map, &format!("/data/{file}"))).context("read settings")?;
    change(&mut settings);
    map["data"][file] = settings.to_string().into();
    Ok(())
}

/// The Deployment of that name.
///
/// # Errors
/// There is none.
pub(crate) fn deployment<'a>(objects: &'a mut [Value], name: &str) -> anyhow::Result<&'a mut Value> {
    let own = |object: &&mut Value| text(object, "/kind") == "Deployment" && text(object, "/metadata/name") == name;
    objects.iter_mut().find(own).with_context(|| format!("no Deployment {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_said_in_older_words_and_everything_else_stays() {
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "bot" },
            "spec": { "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow" },
        });
        let service = service("store", ([10, 43, 0, 91], 7000).into(), "store");
        let (objects, said) = translated(&[budget, service.clone()]);
        assert_eq!(objects[0]["apiVersion"], "policy/v1beta1");
        assert_eq!(objects[0]["spec"], json!({ "maxUnavailable": 1 }));
        assert_eq!(objects[1], service);
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("PodDisruptionBudget bot"), "{said:?}");
    }

    #[test]
    fn settings_are_changed_where_they_are() {
        let mut objects = vec![json!({
            "kind": "ConfigMap", "metadata": { "name": "bot-settings-abc" }, "data": { "bot.json": "{\"site\":\"laptop\"}" },
        })];
        with_settings(&mut objects, "bot", |settings| settings["site"] = "cloud".into()).unwrap();
        assert_eq!(objects[0]["data"]["bot.json"], "{\"site\":\"cloud\"}");
        assert!(with_settings(&mut objects, "health", |_| {}).is_err());
        assert!(deployment(&mut objects, "bot").is_err());
    }
}
