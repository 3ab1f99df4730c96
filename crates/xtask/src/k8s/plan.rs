//! What everything on the standby together may take: all of it at its limit fits the machine.

use serde_json::Value;

use super::pods::containers_of;
use super::set::{Set, quantity, text};

/// Of the smallest machine that Terraform asks for (`t3a.small`), in MiB.
const MACHINE: u64 = 2_048;
/// The system, and K3s without what the flake leaves out of it (600 to 750 MiB by the reports of its users).
const SYSTEM: u64 = 900;
/// K3s's own name server, by its manifest's limit.
const NAMES: u64 = 170;
const MIB: u64 = 1_000 << 20;

/// Whether the limits of every pod of the standby fit what is left.
pub(crate) fn fits(sets: &[&Set]) -> Vec<String> {
    let of_standby = |set: &&&Set| set.name.ends_with("/ec2");
    let pods = sets.iter().filter(of_standby).flat_map(|set| containers_of(set));
    let limits: Vec<(&str, u64)> = pods.map(|(_, container)| (text(container, "/name"), limit(container))).collect();
    let asked: u64 = limits.iter().map(|(_, most)| most).sum();
    let left = MACHINE - SYSTEM - NAMES;
    let mut faults = Vec::new();
    if asked > left {
        faults.push(format!("the standby's pods may take {asked} MiB of {left}: {limits:?}"));
    }
    if limits.len() < 5 {
        faults.push(format!("only {} containers of the standby were found", limits.len()));
    }
    faults
}

fn limit(container: &Value) -> u64 {
    container.pointer("/resources/limits/memory").and_then(quantity).unwrap_or(u64::from(u32::MAX) * MIB) / MIB
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fits;
    use crate::k8s::set::Set;

    fn standby(memory: &str) -> Set {
        let one = json!({"name": "a", "resources": {"limits": {"memory": memory}}});
        let spec = json!({"template": {"spec": {"containers": [one, one, one, one, one]}}});
        Set { name: "overlays/ec2".to_owned(), objects: vec![json!({"kind": "Deployment", "spec": spec})] }
    }

    #[test]
    fn what_does_not_fit_has_no_limit_or_is_not_there_is_told() {
        assert_eq!(fits(&[&standby("128Mi")]), Vec::<String>::new());
        assert_eq!(fits(&[&standby("256Mi")]).len(), 1);
        assert_eq!(fits(&[&standby("much")]).len(), 1);
        assert_eq!(fits(&[]).len(), 1);
    }
}
