//! Each rule's twin: what it must refuse. A rendered overlay is broken in one place, and the rule has to say so.

use serde_json::{Value, json};

use super::kept::SETTINGS;
use super::set::{Set, text};

/// One way to break an overlay.
pub(crate) struct Break {
    /// The rule that must notice.
    pub(crate) rule: &'static str,
    /// What is done, for people.
    pub(crate) what: &'static str,
    /// Does it; false if the overlay has no such place.
    pub(crate) apply: fn(&mut Set) -> bool,
}

const fn broken(rule: &'static str, what: &'static str, apply: fn(&mut Set) -> bool) -> Break {
    Break { rule, what, apply }
}

/// All of them.
pub(crate) const ALL: &[Break] = &[
    broken("labels", "an object without its instance", |set| {
        cut(set, "Service", "/metadata/labels/app.kubernetes.io~1instance")
    }),
    broken("labels", "pods without their version", |set| {
        cut(set, "Deployment", "/spec/template/metadata/labels/app.kubernetes.io~1version")
    }),
    broken("labels", "an application without its component", |set| {
        cut(set, "Application", "/metadata/labels/app.kubernetes.io~1component")
    }),
    broken("namespaces", "a service elsewhere", |set| put(set, "Service", "/metadata/namespace", json!("default"))),
    broken("namespaces", "no namespace", |set| cut(set, "Deployment", "/metadata/namespace")),
    broken("admission", "a namespace for privileged pods", |set| {
        put(set, "Namespace", "/metadata/labels/pod-security.kubernetes.io~1enforce", json!("privileged"))
    }),
    broken("users", "root", |set| put(set, "Deployment", "/spec/template/spec/securityContext/runAsUser", json!(0))),
    broken("users", "a user of the machine", |set| {
        put(set, "Deployment", "/spec/template/spec/securityContext/runAsUser", json!(1000))
    }),
    broken("users", "root allowed", |set| cut(set, "Deployment", "/spec/template/spec/securityContext/runAsNonRoot")),
    broken("users", "a container's own user", |set| put(set, "Deployment", "@/securityContext/runAsUser", json!(0))),
    broken("privileges", "escalation", |set| {
        put(set, "Deployment", "@/securityContext/allowPrivilegeEscalation", json!(true))
    }),
    broken("privileges", "escalation by default", |set| {
        cut(set, "Deployment", "@/securityContext/allowPrivilegeEscalation")
    }),
    broken("privileges", "privileged", |set| put(set, "Deployment", "@/securityContext/privileged", json!(true))),
    broken("privileges", "a capability", |set| {
        put(set, "Deployment", "@/securityContext/capabilities/add", json!(["NET_BIND_SERVICE"]))
    }),
    broken("privileges", "capabilities kept", |set| cut(set, "Deployment", "@/securityContext/capabilities")),
    broken("privileges", "no security context", |set| cut(set, "Deployment", "@/securityContext")),
    broken("roots", "a root that can be written", |set| {
        cut(set, "Deployment", "@/securityContext/readOnlyRootFilesystem")
    }),
    broken("seccomp", "no filter", |set| {
        put(set, "Deployment", "/spec/template/spec/securityContext/seccompProfile/type", json!("Unconfined"))
    }),
    broken("seccomp", "a container's own filter", |set| {
        put(set, "Deployment", "@/securityContext/seccompProfile", json!({"type": "Unconfined"}))
    }),
    broken("machine", "the machine's network", |set| {
        put(set, "Deployment", "/spec/template/spec/hostNetwork", json!(true))
    }),
    broken("machine", "the machine's processes", |set| {
        put(set, "Deployment", "/spec/template/spec/hostPID", json!(true))
    }),
    broken("machine", "the machine's port", |set| put(set, "Deployment", "@/ports/0/hostPort", json!(80))),
    broken("machine", "the machine's files", |set| {
        put(set, "Deployment", "/spec/template/spec/volumes/0", json!({"name": "root", "hostPath": {"path": "/"}}))
    }),
    broken("tokens", "a pod's token", |set| cut(set, "Deployment", "/spec/template/spec/automountServiceAccountToken")),
    broken("tokens", "an account's token", |set| {
        let without = |account: &Value| account.pointer("/automountServiceAccountToken") == Some(&json!(false));
        change(set, "ServiceAccount", without, "/automountServiceAccountToken", Some(json!(true)))
    }),
    broken("tokens", "a token that opens nothing any more", |set| {
        let (before, bindings) = (set.objects.len(), ["RoleBinding", "ClusterRoleBinding"]);
        set.objects.retain(|object| !bindings.contains(&text(object, "/kind")));
        set.objects.len() < before
    }),
    broken("roles", "everything", |set| put(set, "ClusterRole", "/rules/0/resources", json!(["*"]))),
    broken("roles", "roles that make roles", |set| put(set, "ClusterRole", "/rules/0/resources", json!(["roles"]))),
    broken("roles", "a right to give rights", |set| put(set, "ClusterRole", "/rules/0/verbs", json!(["escalate"]))),
    broken("roles", "everybody's Secrets", |set| put(set, "ClusterRole", "/rules/0/resources", json!(["secrets"]))),
    broken("roles", "Secrets that it may write", |set| put(set, "Role", "/rules/0/verbs", json!(["get", "update"]))),
    broken("roles", "an account of others", |set| {
        put(set, "ClusterRoleBinding", "/subjects/0/namespace", json!("kube-system"))
    }),
    broken("roles", "a role of others", |set| put(set, "ClusterRoleBinding", "/roleRef/name", json!("cluster-admin"))),
    broken("namespaces", "rights elsewhere", |set| {
        put(set, "RoleBinding", "/metadata/namespace", json!("kube-system"))
    }),
    broken("resources", "no limit of memory", |set| cut(set, "Deployment", "@/resources/limits/memory")),
    broken("resources", "no request", |set| cut(set, "Deployment", "@/resources/requests")),
    broken("resources", "more than the limit", |set| {
        put(set, "Deployment", "@/resources/requests/memory", json!("2Gi"))
    }),
    broken("probes", "no start-up", |set| cut(set, "Deployment", "@/startupProbe")),
    broken("probes", "a port that is not there", |set| {
        put(set, "Deployment", "@/readinessProbe/httpGet/port", json!("http"))
    }),
    broken("liveness", "liveness that is readiness", |set| {
        put(set, "Deployment", "@/livenessProbe/httpGet/path", json!("/readyz"))
    }),
    broken("one-at-a-time", "two of them", |set| put(set, "Deployment", "/spec/replicas", json!(2))),
    broken("one-at-a-time", "two in a row", |set| put(set, "StatefulSet", "/spec/replicas", json!(2))),
    broken("one-at-a-time", "the new one beside the old", |set| {
        put(set, "Deployment", "/spec/strategy", json!({"type": "RollingUpdate"}))
    }),
    broken("images", "an image from elsewhere", |set| {
        put(set, "Deployment", "@/image", json!("docker.io/library/relais-bot:0.1.0"))
    }),
    broken("images", "whatever is newest", |set| {
        put(set, "Deployment", "@/image", json!("localhost/relais-bot:latest"))
    }),
    broken("images", "an image that is pulled", |set| put(set, "Deployment", "@/imagePullPolicy", json!("Always"))),
    broken("grace", "no time to drain", |set| {
        let bot = |object: &Value| text(object, "/metadata/name") == "bot";
        change(set, "Deployment", bot, "/spec/template/spec/terminationGracePeriodSeconds", Some(json!(26)))
    }),
    broken("grace", "the default time", |set| {
        let bot = |object: &Value| text(object, "/metadata/name") == "bot";
        change(set, "Deployment", bot, "/spec/template/spec/terminationGracePeriodSeconds", None)
    }),
    broken("selectors", "a selector with a version", |set| {
        put(set, "Deployment", "/spec/selector/matchLabels/app.kubernetes.io~1version", json!("0.1.0"))
    }),
    broken("selectors", "a service that leads nowhere", |set| {
        let selects = |object: &Value| object.pointer("/spec/selector").is_some();
        let nobody = json!({"app.kubernetes.io/name": "relais", "app.kubernetes.io/component": "nobody"});
        change(set, "Service", selects, "/spec/selector", Some(nobody))
    }),
    broken("selectors", "pods of another component", |set| {
        put(set, "Deployment", "/spec/template/metadata/labels/app.kubernetes.io~1component", json!("nobody"))
    }),
    broken("ports", "a service to no port", |set| {
        let selects = |object: &Value| object.pointer("/spec/selector").is_some();
        change(set, "Service", selects, "/spec/ports/0/targetPort", Some(json!("nothing")))
    }),
    broken("references", "settings that are gone", |set| {
        let named = set.objects.iter().any(|object| object.to_string().contains("\"configMap\""));
        set.objects.retain(|object| text(object, "/kind") != "ConfigMap");
        named
    }),
    broken("references", "an account that is not there", |set| {
        put(set, "Deployment", "/spec/template/spec/serviceAccountName", json!("default"))
    }),
    broken("references", "a Secret in Git", |set| put(set, "ConfigMap", "/kind", json!("Secret"))),
    broken("mounts", "a volume that nobody mounts", |set| cut(set, "Deployment", "@/volumeMounts/0")),
    broken("backups", "a folder that goes with the pod", |set| settings(set, "\"/var/lib/relais\"", "\"/tmp\"")),
    broken("backups", "a volume that is not claimed", |set| {
        let bot = |object: &Value| text(object, "/metadata/name") == "bot";
        let volumes = "/spec/template/spec/volumes";
        let state =
            json!([{"name": "settings", "configMap": {"name": settings_of(set)}}, {"name": "state", "emptyDir": {}}]);
        change(set, "Deployment", bot, volumes, Some(state))
    }),
    broken("backups", "no backups", |set| settings(set, "\"backup\"", "\"backups\"")),
    broken("room", "a quota that is too small", |set| {
        put(set, "ResourceQuota", "/spec/hard/limits.memory", json!("32Mi"))
    }),
    broken("room", "no quota", |set| {
        let before = set.objects.len();
        set.objects.retain(|object| text(object, "/kind") != "ResourceQuota");
        set.objects.len() < before
    }),
    broken("default-deny", "the way out is open", |set| {
        let all = |object: &Value| text(object, "/metadata/name") == "default-deny";
        change(set, "NetworkPolicy", all, "/spec/policyTypes", Some(json!(["Ingress"])))
    }),
    broken("default-deny", "a rule in what denies", |set| {
        let all = |object: &Value| text(object, "/metadata/name") == "default-deny";
        change(set, "NetworkPolicy", all, "/spec/egress", Some(json!([{}])))
    }),
    broken("metadata", "the metadata address", |set| {
        let lets = json!([{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]);
        put(set, "NetworkPolicy", "/spec/egress", lets)
    }),
    broken("metadata", "its other address", |set| {
        put(set, "NetworkPolicy", "/spec/egress", json!([{"to": [{"ipBlock": {"cidr": "::/0"}}]}]))
    }),
    broken("metadata", "everything", |set| put(set, "NetworkPolicy", "/spec/egress", json!([{}]))),
    broken("shape", "a word that is misspelt", |set| {
        put(set, "Application", "/spec/syncPolicy/automated/selfheal", json!(true))
    }),
    broken("shape", "a kind of its own", |set| put(set, "AppProject", "/spec/roles", json!([]))),
    broken("tries", "hand edits that stay", |set| {
        put(set, "Application", "/spec/syncPolicy/automated/selfHeal", json!(false))
    }),
    broken("tries", "five tries", |set| put(set, "Application", "/spec/syncPolicy/retry/limit", json!(5))),
    broken("tries", "apply from the client", |set| put(set, "Application", "/spec/syncPolicy/syncOptions", json!([]))),
    broken("narrow", "every namespace", |set| put(set, "AppProject", "/spec/destinations/0/namespace", json!("*"))),
    broken("narrow", "every repository", |set| put(set, "AppProject", "/spec/sourceRepos/0", json!("*"))),
    broken("narrow", "Secrets", |set| {
        put(set, "AppProject", "/spec/namespaceResourceWhitelist/0", json!({"group": "", "kind": "Secret"}))
    }),
    broken("narrow", "every kind", |set| {
        put(set, "AppProject", "/spec/clusterResourceWhitelist", json!([{"group": "*", "kind": "*"}]))
    }),
    broken("narrow", "a project that is not there", |set| put(set, "Application", "/spec/project", json!("default"))),
];

/// Writes another word into the bot's settings.
fn settings(set: &mut Set, old: &str, new: &str) -> bool {
    let own = set.objects.iter_mut().find(|object| text(object, "/metadata/name").starts_with(SETTINGS));
    let Some(Value::String(text)) = own.and_then(|object| object.pointer_mut("/data/bot.json")) else { return false };
    if !text.contains(old) {
        return false;
    }
    *text = text.replacen(old, new, 1);
    true
}

/// The name of the object with the bot's settings.
fn settings_of(set: &Set) -> String {
    let own = set.objects.iter().find(|object| text(object, "/metadata/name").starts_with(SETTINGS));
    own.map(|object| text(object, "/metadata/name").to_owned()).unwrap_or_default()
}

fn put(set: &mut Set, kind: &str, pointer: &str, value: Value) -> bool {
    change(set, kind, |_| true, pointer, Some(value))
}

fn cut(set: &mut Set, kind: &str, pointer: &str) -> bool {
    change(set, kind, |_| true, pointer, None)
}

/// Sets or removes what is at the pointer, in the first object of that kind for which `which` holds. `@` is its first container.
fn change(set: &mut Set, kind: &str, which: impl Fn(&Value) -> bool, pointer: &str, value: Option<Value>) -> bool {
    let pointer = pointer.replace('@', "/spec/template/spec/containers/0");
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/");
    let object = set.objects.iter_mut().find(|object| text(object, "/kind") == kind && which(object));
    match (object.and_then(|object| object.pointer_mut(parent)), value) {
        (Some(Value::Object(map)), Some(value)) => {
            map.insert(key, value);
            true
        }
        (Some(Value::Object(map)), None) => map.remove(&key).is_some(),
        (Some(Value::Array(list)), value) => {
            let Some(at) = key.parse::<usize>().ok().filter(|at| *at < list.len()) else { return false };
            match value {
                Some(value) => list[at] = value,
                None => drop(list.remove(at)),
            }
            true
        }
        (Some(_) | None, _) => false,
    }
}
