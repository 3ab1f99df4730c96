//! The rules in their order, and the proof that each refuses what it must.

use std::collections::BTreeSet;

use relais_failover::Policy;
use serde_json::Value;

use super::overlays::Overlay;
use super::set::{Set, text, title};
use super::{Tally, breaks, gitops, images, kept, plan, pods, roles, wiring};

/// What an overlay is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Site,
    GitOps,
    Secrets,
}

struct Rule {
    name: &'static str,
    kinds: &'static [Kind],
    judge: fn(&Set) -> Vec<String>,
}

const fn site(name: &'static str, judge: fn(&Set) -> Vec<String>) -> Rule {
    Rule { name, kinds: &[Kind::Site], judge }
}

const fn gitops(name: &'static str, judge: fn(&Set) -> Vec<String>) -> Rule {
    Rule { name, kinds: &[Kind::GitOps], judge }
}

const RULES: &[Rule] = &[
    Rule { name: "labels", kinds: &[Kind::Site, Kind::GitOps, Kind::Secrets], judge: wiring::labels },
    site("namespaces", wiring::namespaces),
    site("admission", wiring::admission),
    site("users", pods::users),
    site("privileges", pods::privileges),
    site("roots", pods::roots),
    site("seccomp", pods::seccomp),
    site("machine", pods::machine),
    site("tokens", pods::tokens),
    site("resources", pods::resources),
    site("probes", pods::probes),
    site("liveness", pods::liveness),
    site("one-at-a-time", pods::one_at_a_time),
    site("images", images::known),
    site("grace", grace),
    site("selectors", wiring::selectors),
    site("ports", wiring::ports),
    site("references", wiring::references),
    site("mounts", wiring::mounts),
    site("backups", kept::backups),
    site("room", wiring::room),
    site("roles", roles::roles),
    site("default-deny", wiring::default_deny),
    site("metadata", wiring::metadata),
    gitops("shape", gitops::shape),
    gitops("tries", gitops::tries),
    gitops("narrow", gitops::narrow),
];

/// The bot may drain, and give its lease up until it would fence itself, before it is killed.
fn grace(set: &Set) -> Vec<String> {
    let policy = Policy::embedded();
    let needed = policy.drain + policy.effect_timeout + policy.self_fence;
    let fault = |deployment: &Value| {
        let seconds = deployment.pointer("/spec/template/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
        let enough = seconds.is_some_and(|seconds| u128::from(seconds) * 1_000 > needed.as_millis());
        (!enough).then(|| format!("{}: terminationGracePeriodSeconds must be above {needed:?}", title(deployment)))
    };
    set.of_kind("Deployment")
        .filter(|deployment| text(deployment, "/metadata/name") == "bot")
        .filter_map(fault)
        .collect()
}

fn kind(set: &Set) -> Kind {
    if set.of_kind("Application").next().is_some() {
        Kind::GitOps
    } else if set.objects.iter().all(|object| text(object, "/kind") == "Secret") {
        Kind::Secrets
    } else {
        Kind::Site
    }
}

/// Judges every overlay by its rules, and breaks it; how many breaks were refused.
pub(super) fn judge(overlays: &[Overlay], tally: &mut Tally<'_>) -> anyhow::Result<u64> {
    let mut noticed = BTreeSet::new();
    let mut refused = 0;
    for Overlay { set, .. } in overlays {
        for rule in RULES.iter().filter(|rule| rule.kinds.contains(&kind(set))) {
            tally.judge(&format!("{}: {}", set.name, rule.name), &(rule.judge)(set))?;
            for change in breaks::ALL.iter().filter(|change| change.rule == rule.name) {
                let mut broken = set.clone();
                if !(change.apply)(&mut broken) {
                    continue;
                }
                let seen = !(rule.judge)(&broken).is_empty();
                let blind = (!seen).then(|| format!("{} was not noticed", change.what));
                tally.judge(&format!("{}: {}", set.name, rule.name), blind.as_slice())?;
                if seen {
                    refused += 1;
                    noticed.insert((change.rule, change.what));
                }
            }
        }
    }
    let sets: Vec<&Set> = overlays.iter().map(|overlay| &overlay.set).collect();
    for set in sets.iter().copied().filter(|set| kind(set) == Kind::GitOps) {
        tally.judge(&format!("{}: allowed", set.name), &gitops::allowed(set, &sets))?;
    }
    tally.judge("images", &images::idle(&sets))?;
    tally.judge("plan", &plan::fits(&sets))?;
    for set in &sets {
        tally.judge(&format!("{}: watched", set.name), &roles::watched(set, &sets))?;
    }
    let idle = breaks::ALL.iter().filter(|change| !noticed.contains(&(change.rule, change.what)));
    let idle: Vec<String> = idle.map(|change| format!("{} ({}) was tried nowhere", change.what, change.rule)).collect();
    tally.judge("breaks", &idle)?;
    let alone = RULES.iter().filter(|rule| !breaks::ALL.iter().any(|change| change.rule == rule.name));
    let alone: Vec<String> = alone.map(|rule| format!("nothing shows that {} can refuse", rule.name)).collect();
    tally.judge("rules", &alone)?;
    Ok(refused)
}
