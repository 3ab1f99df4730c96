//! Metrics: every name in a rule or on a dashboard is one that a program counts, and every alert is tested both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::measures::Measures;
use super::pods::templates;
use super::set::{Set, documents, list, text};
use crate::files::files;

/// Names that Prometheus itself gives.
const OF_PROMETHEUS: &[&str] = &["up", "ALERTS"];
/// What ConfigMaps carry into pods, by the beginning of their names.
const CARRIED: &[(&str, &str)] = &[
    ("prometheus-rules-", "k8s/monitoring/base/prometheus/rules"),
    ("grafana-dashboards-", "k8s/monitoring/grafana/dashboards"),
];
/// A folder that somebody emptied by mistake proves nothing.
const LEAST: usize = 20;

/// An expression, and where it stands.
pub(crate) struct Expression {
    /// File and title, for people.
    pub(crate) place: String,
    /// PromQL.
    pub(crate) text: String,
}

/// What monitoring says.
pub(crate) struct Monitoring {
    /// Of dashboards.
    pub(crate) shown: Vec<Expression>,
    rules: Vec<Expression>,
    recorded: BTreeSet<String>,
    alerts: BTreeSet<String>,
    tests: Vec<Value>,
    counted: BTreeMap<String, &'static str>,
    dashboards: Vec<(String, Value)>,
}

impl Monitoring {
    /// Reads rules, their tests, dashboards, and the programs' sources.
    ///
    /// # Errors
    /// A file cannot be read, or there are suspiciously few.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let (mut rules, mut recorded, mut alerts) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (name, document) in read_all(&root.join("k8s/monitoring/base/prometheus/rules"), "yml")? {
            for rule in list(&document, "/groups").iter().flat_map(|group| list(group, "/rules")) {
                let (record, alert) = (text(rule, "/record"), text(rule, "/alert"));
                let into = if alert.is_empty() { &mut recorded } else { &mut alerts };
                let title = if alert.is_empty() { record } else { alert };
                ensure!(into.insert(title.to_owned()), "{name}: {title} is there twice");
                rules.push(Expression { place: format!("{name}: {title}"), text: text(rule, "/expr").to_owned() });
            }
        }
        let tests = read_all(&root.join("k8s/monitoring/base/prometheus/tests"), "yml")?;
        let tests = tests.iter().flat_map(|(_, document)| list(document, "/tests").to_vec()).collect();
        let dashboards = read_all(&root.join("k8s/monitoring/grafana/dashboards"), "json")?;
        let shown = dashboards.iter().flat_map(|(name, dashboard)| expressions(name, dashboard)).collect();
        let counted = Measures::read(root)?.declared;
        ensure!(alerts.len() >= LEAST, "only {} alerts were found", alerts.len());
        Ok(Self { shown, rules, recorded, alerts, tests, counted, dashboards })
    }

    /// How much was looked at, in words.
    pub(crate) fn extent(&self) -> String {
        let (alerts, panels, counted) = (self.alerts.len(), self.shown.len(), self.counted.len());
        format!("{alerts} alerts and {panels} queries of dashboards name only what {counted} metrics and rules give")
    }

    /// Every metric that a rule or a dashboard names.
    pub(crate) fn named(&self) -> BTreeSet<String> {
        self.rules.iter().chain(&self.shown).flat_map(|expression| names(&expression.text)).collect()
    }

    /// Names that nothing gives.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let known = |name: &String| {
            let base = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"));
            let of_summary = base.is_some_and(|base| self.counted.get(base) == Some(&"histogram"));
            of_summary
                || self.counted.contains_key(name)
                || self.recorded.contains(name)
                || OF_PROMETHEUS.contains(&name.as_str())
        };
        let unknown = |expression: &Expression| {
            let names = names(&expression.text);
            let none = names.is_empty().then(|| format!("{}: names no metric", expression.place));
            let strange = names.into_iter().filter(|name| !known(name));
            none.into_iter()
                .chain(strange.map(|name| format!("{}: no program counts {name}", expression.place)))
                .collect::<Vec<_>>()
        };
        self.rules.iter().chain(&self.shown).flat_map(unknown).collect()
    }

    /// Alerts that no test sees firing, or none sees silent.
    pub(crate) fn untested(&self) -> Vec<String> {
        let tested = |alert: &str, fires: bool| {
            self.tests.iter().flat_map(|test| list(test, "/promql_expr_test")).any(|asked| {
                let about = text(asked, "/expr").contains(&format!("alertname=\"{alert}\", alertstate=\"firing\""));
                about && list(asked, "/exp_samples").is_empty() != fires
            })
        };
        let lacks = |alert: &String| match (tested(alert, true), tested(alert, false)) {
            (true, true) => None,
            (false, _) => Some(format!("{alert}: no test sees it fire")),
            (true, false) => Some(format!("{alert}: no test sees it silent")),
        };
        self.alerts.iter().filter_map(lacks).collect()
    }

    /// Dashboards that Grafana would show with holes.
    pub(crate) fn odd_dashboards(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut uids = BTreeSet::new();
        for (name, dashboard) in &self.dashboards {
            let uid = text(dashboard, "/uid");
            if uid.is_empty() || !uids.insert(uid) {
                faults.push(format!("{name}: its uid is missing or another's"));
            }
            let mut ids = BTreeSet::new();
            for panel in list(dashboard, "/panels") {
                let title = text(panel, "/title");
                let own_id = panel.get("id").and_then(Value::as_u64).is_some_and(|id| ids.insert(id));
                let sources = [text(panel, "/datasource/uid")].into_iter();
                let sources =
                    sources.chain(list(panel, "/targets").iter().map(|target| text(target, "/datasource/uid")));
                if !own_id || title.is_empty() || list(panel, "/targets").is_empty() {
                    faults.push(format!("{name}: panel {title:?} has no id of its own, no title or no query"));
                }
                if sources.into_iter().any(|uid| uid != "prometheus") {
                    faults.push(format!("{name}: panel {title:?} asks another source than the provisioned one"));
                }
            }
        }
        faults
    }
}

/// Files of rules and dashboards that an overlay does not bring into its pods: nobody would miss an alert that is not there.
pub(crate) fn left_out(root: &Path, set: &Set) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for (map, folder) in CARRIED {
        let named = |object: &&Value| text(object, "/metadata/name").starts_with(map);
        let Some(carried) = set.of_kind("ConfigMap").find(named) else { continue };
        let keys =
            carried.pointer("/data").and_then(Value::as_object).into_iter().flat_map(|data| data.keys().cloned());
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let there: BTreeSet<String> = files(&root.join(folder))?.iter().map(name).collect();
        let carried: BTreeSet<String> = keys.collect();
        faults.extend(
            there.symmetric_difference(&carried).map(|file| format!("{file} is not both in {folder} and in {map}")),
        );
        for mounted in mounted(set, map).filter(|mounted| *mounted != there) {
            faults.push(format!("the pod mounts {mounted:?} of {map}"));
        }
    }
    Ok(faults)
}

/// The keys of a ConfigMap that a projected volume picks.
fn mounted<'a>(set: &'a Set, map: &'a str) -> impl Iterator<Item = BTreeSet<String>> + 'a {
    let volumes = templates(set).flat_map(|(_, pod)| list(pod, "/spec/volumes"));
    let sources = volumes.flat_map(|volume| list(volume, "/projected/sources"));
    let own = sources.filter(move |source| text(source, "/configMap/name").starts_with(map));
    own.map(|source| list(source, "/configMap/items").iter().map(|item| text(item, "/key").to_owned()).collect())
}

/// The queries of one dashboard.
fn expressions(name: &str, dashboard: &Value) -> Vec<Expression> {
    let of = |panel: &Value| {
        let title = text(panel, "/title").to_owned();
        let place = format!("{name}: {title}");
        let targets = list(panel, "/targets").iter();
        targets
            .map(|target| Expression { place: place.clone(), text: text(target, "/expr").to_owned() })
            .collect::<Vec<_>>()
    };
    list(dashboard, "/panels").iter().flat_map(of).collect()
}

/// Every document of a folder, by file name. JSON is YAML.
fn read_all(folder: &Path, extension: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let mut read = Vec::new();
    for path in files(folder)?.into_iter().filter(|path| path.extension() == Some(OsStr::new(extension))) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for document in documents(&source).with_context(|| format!("read {}", path.display()))? {
            read.push((name.clone(), document));
        }
    }
    ensure!(!read.is_empty(), "nothing in {}", folder.display());
    Ok(read)
}

/// The names of metrics in an expression of PromQL: words that are no function, no keyword, no label and no text.
fn names(expression: &str) -> BTreeSet<String> {
    const WORDS: &[&str] = &["and", "or", "unless", "bool", "offset", "inf", "nan"];
    const BEFORE_LABELS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let part = |from: &str, good: fn(char) -> bool| from.find(|character| !good(character)).unwrap_or(from.len());
        if matches!(first, '{' | '[' | '"' | '\'') {
            let end = match first {
                '{' => '}',
                '[' => ']',
                quote => quote,
            };
            let after = rest.get(1..).unwrap_or_default();
            rest = after.split_once(end).map_or("", |(_, rest)| rest);
        } else if first.is_ascii_digit() {
            let end = part(rest, |character| character.is_ascii_alphanumeric() || character == '.');
            rest = rest.get(end..).unwrap_or_default();
        } else if first.is_ascii_alphabetic() || matches!(first, '_' | ':') {
            let end = part(rest, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | ':'));
            let (word, after) = rest.split_at(end);
            // `sum(x)` and `sum by (y) (x)`.
            let call =
                ["(", "by ", "by(", "without ", "without("].iter().any(|next| after.trim_start().starts_with(next));
            rest = after;
            if BEFORE_LABELS.contains(&word) {
                rest = after.split_once(')').map_or("", |(_, rest)| rest);
            } else if !call && !WORDS.contains(&word.to_ascii_lowercase().as_str()) {
                names.insert(word.to_owned());
            }
        } else {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Expression, Monitoring, left_out, names};
    use crate::k8s::set::Set;

    fn repository() -> Monitoring {
        Monitoring::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    #[test]
    fn names_are_told_from_functions_labels_and_words() {
        let told = |expression| names(expression).into_iter().collect::<Vec<_>>();
        assert_eq!(told("sum by (site, why) (rate(a_total{why=~\"b|c\"}[5m])) > 1.5"), ["a_total"]);
        assert_eq!(told("a unless a offset 1h or b and on (site) c:d == 1"), ["a", "b", "c:d"]);
        assert_eq!(told("count by () (ALERTS{alertname=\"x(\"}) / 0.5e3"), ["ALERTS"]);
        assert!(told("vector(1)").is_empty());
    }

    #[test]
    fn rules_and_dashboards_name_what_programs_count() {
        assert_eq!(repository().unknown(), Vec::<String>::new());
    }

    #[test]
    fn a_metric_that_nobody_counts_is_found() {
        let mut monitoring = repository();
        monitoring.counted.remove("lease_held");
        let found = monitoring.unknown();
        assert!(found.iter().any(|fault| fault.contains("no program counts lease_held")), "{found:?}");
        let mut monitoring = repository();
        monitoring.shown = vec![Expression { place: "a panel".to_owned(), text: "vector(1)".to_owned() }];
        assert_eq!(monitoring.unknown(), ["a panel: names no metric"]);
    }

    #[test]
    fn every_alert_is_seen_firing_and_silent() {
        assert_eq!(repository().untested(), Vec::<String>::new());
    }

    #[test]
    fn an_alert_without_a_test_is_found() {
        let mut monitoring = repository();
        monitoring.alerts.insert("RelaisNew".to_owned());
        assert_eq!(monitoring.untested(), ["RelaisNew: no test sees it fire"]);
    }

    #[test]
    fn a_file_of_rules_that_no_pod_gets_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let there = super::files(&root.join("k8s/monitoring/base/prometheus/rules")).unwrap();
        let names: Vec<_> = there.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        let carrying = |names: &[&str]| {
            let data: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!(""))).collect();
            let items: Vec<_> = names.iter().map(|name| json!({"key": name, "path": name})).collect();
            let source = json!({"configMap": {"name": "prometheus-rules-1", "items": items}});
            let map = json!({"kind": "ConfigMap", "metadata": {"name": "prometheus-rules-1"}, "data": data});
            let pod = json!({"spec": {"volumes": [{"name": "settings", "projected": {"sources": [source]}}]}});
            Set {
                name: "site".to_owned(),
                objects: vec![map, json!({"kind": "Deployment", "spec": {"template": pod}})],
            }
        };
        assert_eq!(left_out(&root, &carrying(&names)).unwrap(), Vec::<String>::new());
        // The map lacks it, and so does the pod.
        assert_eq!(left_out(&root, &carrying(&names[1..])).unwrap().len(), 2);
    }

    #[test]
    fn dashboards_are_whole() {
        assert_eq!(repository().odd_dashboards(), Vec::<String>::new());
        let mut monitoring = repository();
        monitoring.dashboards[0].1["panels"][0]["id"] = monitoring.dashboards[0].1["panels"][1]["id"].clone();
        monitoring.dashboards[0].1["panels"][2]["targets"][0]["datasource"]["uid"] = "other".into();
        assert_eq!(monitoring.odd_dashboards().len(), 2);
    }
}
