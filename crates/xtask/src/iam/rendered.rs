//! The policies as Terraform renders them, read from what `terraform test -json -verbose` says about the state of each run.
//! Rights and ways in that are not read here are refused, so that none is made unseen.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::policy::{Document, Kind};

/// What IAM takes at most, all inline policies of one identity together (IAM documentation, quotas).
const USER_LIMIT: usize = 2_048;
const ROLE_LIMIT: usize = 10_240;

/// All policies of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rendered {
    /// By the name of the user or role, without the project's in front of it.
    pub(crate) identities: BTreeMap<String, Vec<Document>>,
    /// By address: policies that name principals.
    pub(crate) resources: BTreeMap<String, Document>,
}

/// Every run's policies, by the run's name.
///
/// # Errors
/// If there is no state in it, or a policy that is not understood.
pub(crate) fn runs(output: &str) -> anyhow::Result<BTreeMap<String, Rendered>> {
    let mut runs = BTreeMap::new();
    for line in output.lines().filter(|line| line.contains("\"test_state\"")) {
        let message: Value = serde_json::from_str(line).context("read a line of terraform test")?;
        let run = message["@testrun"].as_str().context("a state of no run")?;
        let resources =
            message["test_state"]["root_module"]["resources"].as_array().context("a state without resources")?;
        runs.insert(
            run.to_owned(),
            rendered(resources).with_context(|| format!("read the policies of the run {run}"))?,
        );
    }
    ensure!(!runs.is_empty(), "terraform test told no state");
    Ok(runs)
}

fn rendered(resources: &[Value]) -> anyhow::Result<Rendered> {
    let mut all = Rendered::default();
    for resource in resources.iter().filter(|resource| resource["mode"] == "managed") {
        let values = &resource["values"];
        let text =
            |name: &str| values[name].as_str().with_context(|| format!("{name} of {} is no text", resource["address"]));
        let address = resource["address"].as_str().context("a resource without an address")?;
        match resource["type"].as_str().context("a resource without a type")? {
            kind @ ("aws_iam_role_policy" | "aws_iam_user_policy") => {
                let whose = text(if kind == "aws_iam_role_policy" { "role" } else { "user" })?;
                let document = Document::parse(address, text("policy")?, Kind::Identity)?;
                let documents = all.identities.entry(short(whose)).or_default();
                documents.push(document);
                let length: usize = documents.iter().map(|document| document.length).sum();
                let limit = if kind == "aws_iam_role_policy" { ROLE_LIMIT } else { USER_LIMIT };
                ensure!(length <= limit, "the policies of {whose} have {length} characters, IAM takes {limit}");
            }
            "aws_iam_role" => {
                let document = Document::parse(address, text("assume_role_policy")?, Kind::Trust)?;
                all.resources.insert(address.to_owned(), document);
                all.identities.entry(short(text("name")?)).or_default();
                for other in ["managed_policy_arns", "inline_policy"] {
                    let none = values[other].as_array().is_none_or(Vec::is_empty);
                    ensure!(none, "{other} of {address} is not understood");
                }
            }
            "aws_sns_topic_policy" => {
                let document = Document::parse(address, text("policy")?, Kind::Resource)?;
                all.resources.insert(address.to_owned(), document);
            }
            "aws_security_group" => {
                ensure!(values["ingress"].as_array().is_none_or(Vec::is_empty), "{address} lets something in");
            }
            other if other.contains("ingress") || other == "aws_security_group_rule" => {
                bail!("{address} lets something in")
            }
            "aws_iam_user" | "aws_iam_instance_profile" => {}
            // Nothing that could carry a right may pass unread.
            other if other.starts_with("aws_iam_") || other.contains("policy") || other.contains("permission") => {
                bail!("{address} is not understood: rights of the type {other} are not read here")
            }
            _ => {}
        }
    }
    Ok(all)
}

/// `relais-watchdog` is `watchdog` in the table of requests.
fn short(name: &str) -> String {
    name.split_once('-').map_or(name, |(_, short)| short).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::runs;

    fn output(kind: &str, values: &Value) -> String {
        let resource = json!({ "address": format!("{kind}.x"), "mode": "managed", "type": kind, "values": values });
        let state = json!({ "root_module": { "resources": [resource] } });
        format!(
            "{}\n{}\n",
            json!({ "type": "version" }),
            json!({ "type": "test_state", "@testrun": "launch", "test_state": state })
        )
    }

    fn policy(sid: &str) -> String {
        let statement = json!({ "Sid": sid, "Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    }

    #[test]
    fn policies_are_found_by_who_has_them() {
        let runs =
            runs(&output("aws_iam_role_policy", &json!({ "role": "relais-watchdog", "policy": policy("S") }))).unwrap();
        assert_eq!(runs["launch"].identities["watchdog"][0].statements[0].sid, "S");
    }

    #[test]
    fn a_right_that_is_not_read_is_refused() {
        let refused = |kind: &str, values: &Value| format!("{:#}", runs(&output(kind, values)).unwrap_err());
        for kind in [
            "aws_iam_role_policy_attachment",
            "aws_iam_policy",
            "aws_lambda_permission",
            "aws_dynamodb_resource_policy",
        ] {
            assert!(refused(kind, &json!({})).contains(kind));
        }
        let role = json!({ "name": "relais-x", "assume_role_policy": r#"{"Version":"2012-10-17","Statement":[]}"#,
            "managed_policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"] });
        assert!(refused("aws_iam_role", &role).contains("managed_policy_arns"));
        assert!(runs("{}\n").is_err());
    }

    #[test]
    fn a_way_in_is_refused() {
        let refused = |kind: &str, values: &Value| format!("{:#}", runs(&output(kind, values)).unwrap_err());
        for kind in ["aws_vpc_security_group_ingress_rule", "aws_security_group_rule"] {
            assert!(refused(kind, &json!({})).contains("lets something in"));
        }
        assert!(refused("aws_security_group", &json!({ "ingress": [{}] })).contains("lets something in"));
        assert!(runs(&output("aws_security_group", &json!({ "ingress": [] }))).is_ok());
    }

    #[test]
    fn a_policy_that_iam_would_not_take_is_refused() {
        let long = json!({ "user": "relais-laptop", "policy": policy(&"S".repeat(2_000)) });
        assert!(format!("{:#}", runs(&output("aws_iam_user_policy", &long)).unwrap_err()).contains("IAM takes 2048"));
    }
}
