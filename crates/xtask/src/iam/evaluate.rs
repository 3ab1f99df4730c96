//! The decision of IAM: nothing is allowed unless a statement says so, and a refusal outweighs every right (IAM
//! documentation, policy evaluation logic, for one account without boundaries or organisation).

use super::condition::Facts;
use super::pattern::matches;
use super::policy::{Document, Effect, Statement};

/// What a request is about, and what AWS says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// How the table calls it.
    pub(crate) label: String,
    /// Its name, or a pattern's part of it.
    pub(crate) resource: String,
    pub(crate) facts: Facts,
}

/// One request. An action on several resources is allowed if it is on each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) targets: Vec<Target>,
    /// The service that asks, for policies that name principals.
    pub(crate) service: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

/// What else is assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Besides {
    /// Nothing: the documents as they are.
    Nothing,
    /// Somebody grants this action on everything besides.
    Granted,
    /// The statements that deny are not there.
    NoGuards,
}

/// Decides by these documents.
///
/// # Errors
/// If a condition does not fit what the request says.
pub(crate) fn decide(documents: &[&Document], request: &Request, besides: Besides) -> anyhow::Result<Verdict> {
    let mut allowed_everywhere = !request.targets.is_empty();
    for target in &request.targets {
        let mut allowed = besides == Besides::Granted;
        for statement in documents.iter().flat_map(|document| &document.statements) {
            if !applies(statement, request, target)? {
                continue;
            }
            match statement.effect {
                Effect::Deny if besides == Besides::NoGuards => {}
                Effect::Deny => return Ok(Verdict::Denied),
                Effect::Allow => allowed = true,
            }
        }
        allowed_everywhere &= allowed;
    }
    Ok(if allowed_everywhere { Verdict::Allowed } else { Verdict::NotAllowed })
}

fn applies(statement: &Statement, request: &Request, target: &Target) -> anyhow::Result<bool> {
    let asked = match &request.service {
        None => statement.services.is_empty(),
        Some(service) => statement.services.contains(service),
    };
    // Actions are compared as AWS does, whatever their case.
    if !asked
        || !statement.actions.iter().any(|action| action.eq_ignore_ascii_case(&request.action))
        || !statement.resources.iter().any(|pattern| matches(pattern, &target.resource))
    {
        return Ok(false);
    }
    for condition in &statement.conditions {
        if !condition.holds(&target.facts)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::condition::Facts;
    use super::super::policy::{Document, Kind};
    use super::{Besides, Request, Target, Verdict, decide};

    const TAG: &str = "aws:ResourceTag/Project";

    fn document(statements: &Value) -> Document {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        Document::parse("x", &text, Kind::Identity).unwrap()
    }

    fn stop(names: &[(&str, Option<&str>)]) -> Request {
        let target = |(name, tag): &(&str, Option<&str>)| Target {
            label: (*name).to_owned(),
            resource: format!("arn:aws:ec2:eu-west-3:1:instance/{name}"),
            facts: tag.map(|tag| Facts::from([(TAG.to_owned(), vec![tag.to_owned()])])).unwrap_or_default(),
        };
        Request { action: "ec2:StopInstances".to_owned(), targets: names.iter().map(target).collect(), service: None }
    }

    fn ours() -> Document {
        document(&json!([
            { "Sid": "A", "Effect": "Allow", "Action": "ec2:stopinstances", "Resource": "arn:aws:ec2:*:1:instance/i-*",
              "Condition": { "StringEquals": { TAG: "relais" } } },
            { "Sid": "D", "Effect": "Deny", "Action": ["ec2:StopInstances"], "Resource": "*",
              "Condition": { "StringNotEquals": { TAG: "relais" } } },
        ]))
    }

    #[test]
    fn nothing_is_allowed_unless_said() {
        let nothing = document(&json!([]));
        assert_eq!(
            decide(&[&nothing], &stop(&[("i-1", Some("relais"))]), Besides::Nothing).unwrap(),
            Verdict::NotAllowed
        );
        assert_eq!(decide(&[&ours()], &stop(&[("i-1", Some("relais"))]), Besides::Nothing).unwrap(), Verdict::Allowed);
        assert_eq!(
            decide(&[&ours()], &stop(&[("j-1", Some("relais"))]), Besides::Nothing).unwrap(),
            Verdict::NotAllowed
        );
        assert_eq!(decide(&[&ours()], &stop(&[]), Besides::Granted).unwrap(), Verdict::NotAllowed);
    }

    #[test]
    fn a_denial_outweighs_every_right() {
        assert_eq!(decide(&[&ours()], &stop(&[("i-1", None)]), Besides::Granted).unwrap(), Verdict::Denied);
        assert_eq!(decide(&[&ours()], &stop(&[("j-1", Some("relais"))]), Besides::Granted).unwrap(), Verdict::Allowed);
        assert_eq!(decide(&[&ours()], &stop(&[("i-1", None)]), Besides::NoGuards).unwrap(), Verdict::NotAllowed);
    }

    #[test]
    fn every_resource_must_be_allowed() {
        let both = stop(&[("i-1", Some("relais")), ("j-1", Some("relais"))]);
        assert_eq!(decide(&[&ours()], &both, Besides::Nothing).unwrap(), Verdict::NotAllowed);
        let both = stop(&[("i-1", Some("relais")), ("i-2", Some("relais"))]);
        assert_eq!(decide(&[&ours()], &both, Besides::Nothing).unwrap(), Verdict::Allowed);
    }

    #[test]
    fn a_service_is_let_in_by_its_name_only() {
        let text = json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "S", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" } },
        ] });
        let trust = Document::parse("x", &text.to_string(), Kind::Trust).unwrap();
        let mut request = stop(&[("i-1", None)]);
        request.action = "sts:AssumeRole".to_owned();
        for (service, verdict) in [
            (Some("ec2.amazonaws.com"), Verdict::Allowed),
            (Some("lambda.amazonaws.com"), Verdict::NotAllowed),
            (None, Verdict::NotAllowed),
        ] {
            request.service = service.map(str::to_owned);
            assert_eq!(decide(&[&trust], &request, Besides::Nothing).unwrap(), verdict, "{service:?}");
        }
    }
}
