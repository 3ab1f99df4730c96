//! A policy document, read strictly: what is not understood is an error, so that no right escapes the table of requests.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use super::condition::Condition;
use super::keys;

/// What a document is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A user or a role: the principal is who it is attached to.
    Identity,
    /// A resource: its statements name principals.
    Resource,
    /// A role, for those who may take it: names principals and no resource.
    Trust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its name, unique in the document.
    pub(crate) sid: String,
    pub(crate) effect: Effect,
    pub(crate) actions: Vec<String>,
    /// Patterns; `*` for a trust policy, which is about its own role.
    pub(crate) resources: Vec<String>,
    /// Services; none for an identity.
    pub(crate) services: Vec<String>,
    /// All must hold.
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    /// The address of the resource that has it.
    pub(crate) address: String,
    pub(crate) statements: Vec<Statement>,
    /// Its length without white space, as IAM counts it.
    pub(crate) length: usize,
}

impl Document {
    /// Reads one.
    ///
    /// # Errors
    /// If it is no policy, has a wildcard in an action, or anything that is not understood here.
    pub(crate) fn parse(address: &str, text: &str, kind: Kind) -> anyhow::Result<Self> {
        let named = || format!("read the policy of {address}");
        let value: Value = serde_json::from_str(text).with_context(named)?;
        let statements = statements(&value, kind).with_context(named)?;
        let length = text.chars().filter(|character| !character.is_whitespace()).count();
        Ok(Self { address: address.to_owned(), statements, length })
    }
}

fn statements(value: &Value, kind: Kind) -> anyhow::Result<Vec<Statement>> {
    let document = value.as_object().context("it is no object")?;
    only(document, &["Version", "Statement"])?;
    ensure!(document.get("Version").and_then(Value::as_str) == Some("2012-10-17"), "its version is not 2012-10-17");
    let list = document.get("Statement").and_then(Value::as_array).context("it has no list of statements")?;
    let mut all: Vec<Statement> = Vec::new();
    for value in list {
        let parsed = statement(value, kind)?;
        ensure!(all.iter().all(|other| other.sid != parsed.sid), "two statements are called {}", parsed.sid);
        all.push(parsed);
    }
    Ok(all)
}

fn statement(value: &Value, kind: Kind) -> anyhow::Result<Statement> {
    let parts = value.as_object().context("a statement is no object")?;
    let sid = parts.get("Sid").and_then(Value::as_str).context("a statement has no Sid")?.to_owned();
    let whole = || -> anyhow::Result<Statement> {
        let known: &[&str] = match kind {
            Kind::Identity => &["Sid", "Effect", "Action", "Resource", "Condition"],
            Kind::Resource => &["Sid", "Effect", "Action", "Resource", "Condition", "Principal"],
            Kind::Trust => &["Sid", "Effect", "Action", "Condition", "Principal"],
        };
        only(parts, known)?;
        let effect = match parts.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            other => bail!("the effect {other:?} is not understood"),
        };
        let actions = words(parts.get("Action").context("it has no Action")?)?;
        for action in &actions {
            ensure!(!action.contains(['*', '?']), "the action {action} has a wildcard");
            ensure!(action.split_once(':').is_some(), "the action {action} names no service");
        }
        let resources = match kind {
            Kind::Trust => vec!["*".to_owned()],
            Kind::Identity | Kind::Resource => words(parts.get("Resource").context("it has no Resource")?)?,
        };
        for resource in &resources {
            ensure!(!resource.contains("${"), "the policy variable in {resource} is not understood");
            ensure!(resource == "*" || resource.starts_with("arn:"), "the resource {resource:?} is no name of one");
        }
        let services = match kind {
            Kind::Identity => Vec::new(),
            Kind::Resource | Kind::Trust => services(parts.get("Principal").context("it has no Principal")?)?,
        };
        let conditions = parts.get("Condition").map_or(Ok(Vec::new()), conditions)?;
        for (condition, action) in conditions.iter().flat_map(|one| actions.iter().map(move |action| (one, action))) {
            // "Everything" is of no kind that could be looked up.
            for resource in resources.iter().filter(|&resource| resource != "*") {
                keys::is_supplied(&condition.key, action, resource)?;
            }
        }
        Ok(Statement { sid: sid.clone(), effect, actions, resources, services, conditions })
    };
    whole().with_context(|| format!("statement {sid}"))
}

fn services(value: &Value) -> anyhow::Result<Vec<String>> {
    let principals = value.as_object().context("a principal that is everybody is not understood")?;
    only(principals, &["Service"])?;
    words(principals.get("Service").context("it names no service")?)
}

fn conditions(value: &Value) -> anyhow::Result<Vec<Condition>> {
    let mut all = Vec::new();
    for (operator, keys) in value.as_object().context("the conditions are no object")? {
        for (key, values) in keys.as_object().with_context(|| format!("{operator} is no object"))? {
            all.push(Condition::new(operator, key, words(values)?)?);
        }
    }
    Ok(all)
}

/// One text or a list of them, neither empty.
fn words(value: &Value) -> anyhow::Result<Vec<String>> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    ensure!(!list.is_empty(), "a list is empty");
    list.iter().map(|word| word.as_str().map(str::to_owned).with_context(|| format!("{word} is no text"))).collect()
}

fn only(object: &Map<String, Value>, known: &[&str]) -> anyhow::Result<()> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => bail!("{key} is not understood"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Document, Effect, Kind};

    fn parse(kind: Kind, statement: &Value) -> anyhow::Result<Document> {
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        Document::parse("aws_iam_role_policy.x", &text, kind)
    }

    fn changed(key: &str, value: Value) -> String {
        let mut statement = json!({ "Sid": "S", "Effect": "Allow", "Action": ["ec2:StopInstances"], "Resource": "*" });
        statement[key] = value;
        format!("{:#}", parse(Kind::Identity, &statement).unwrap_err())
    }

    #[test]
    fn a_statement_is_read_whole() {
        let statement = json!({
            "Sid": "S", "Effect": "Deny", "Action": "ec2:StopInstances", "Resource": ["*"],
            "Condition": { "StringNotEquals": { "aws:ResourceTag/Project": "relais" } },
        });
        let document = parse(Kind::Identity, &statement).unwrap();
        let read = &document.statements[0];
        assert_eq!((read.effect, read.actions.len(), read.conditions.len()), (Effect::Deny, 1, 1));
        assert_eq!((read.conditions[0].operator.as_str(), document.length > 100), ("StringNotEquals", true));
    }

    #[test]
    fn a_wildcard_in_an_action_is_refused() {
        for action in ["*", "ec2:*", "ec2:Describe*", "ec2:StopInstance?"] {
            let error = changed("Action", json!(["ec2:StopInstances", action]));
            assert!(
                error.contains("aws_iam_role_policy.x") && error.contains("statement S") && error.contains("wildcard"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for key in ["NotAction", "NotResource", "NotPrincipal", "Principal", "Comment"] {
            assert!(changed(key, json!("*")).contains(&format!("{key} is not understood")));
        }
        assert!(changed("Effect", json!("allow")).contains("effect"));
        assert!(changed("Resource", json!([])).contains("empty"));
        assert!(changed("Resource", json!("instance/*")).contains("instance/*"));
        assert!(changed("Resource", json!("arn:aws:s3:::${aws:username}")).contains("policy variable"));
        assert!(changed("Action", json!("RunInstances")).contains("RunInstances"));
        assert!(changed("Condition", json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } })).contains("IpAddress"));
        assert!(Document::parse("x", r#"{"Version":"2008-10-17","Statement":[]}"#, Kind::Identity).is_err());
    }

    #[test]
    fn a_condition_that_aws_never_answers_is_refused() {
        let statement = json!({
            "Sid": "S", "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:eu-west-3:1:subnet/*",
            "Condition": { "StringEquals": { "ec2:InstanceType": "t3.small" } },
        });
        let error = format!("{:#}", parse(Kind::Identity, &statement).unwrap_err());
        assert!(error.contains("ec2:InstanceType") && error.contains("subnet"), "{error}");
    }

    #[test]
    fn principals_are_services_by_name() {
        let trust = |principal: Value| {
            parse(
                Kind::Trust,
                &json!({ "Sid": "S", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal }),
            )
        };
        assert_eq!(
            trust(json!({ "Service": "ec2.amazonaws.com" })).unwrap().statements[0].services,
            ["ec2.amazonaws.com"]
        );
        assert!(trust(json!("*")).is_err() && trust(json!({ "AWS": "*" })).is_err());
    }
}
