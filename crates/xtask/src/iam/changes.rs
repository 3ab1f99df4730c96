//! Changes that make a policy wider or narrower, one at a time. Each must turn a row of the table, or the table proves less
//! than the policy says: an action, a value or a condition that no row needs is one that nobody would miss.

use super::policy::{Document, Effect, Statement};

/// A document with one change.
pub(crate) struct Change {
    /// What was changed, in words.
    pub(crate) what: String,
    pub(crate) document: Document,
}

/// All of them.
pub(crate) fn of(document: &Document) -> Vec<Change> {
    let mut all = Vec::new();
    for (place, statement) in document.statements.iter().enumerate() {
        let mut add = |what: String, changed: Option<Statement>| {
            let mut document = document.clone();
            match changed {
                Some(changed) => document.statements[place] = changed,
                None => drop(document.statements.remove(place)),
            }
            let what = format!("{} {}: {what}", document.address, statement.sid);
            all.push(Change { what, document });
        };
        add("without the statement".to_owned(), None);
        if statement.actions.len() > 1 {
            for action in &statement.actions {
                let mut changed = statement.clone();
                changed.actions.retain(|other| other != action);
                add(format!("without {action}"), Some(changed));
            }
        }
        if statement.effect == Effect::Allow && !statement.resources.iter().any(|resource| resource == "*") {
            add(
                "on every resource".to_owned(),
                Some(Statement { resources: vec!["*".to_owned()], ..statement.clone() }),
            );
        }
        if statement.resources.len() > 1 {
            for resource in &statement.resources {
                let mut changed = statement.clone();
                changed.resources.retain(|other| other != resource);
                add(format!("without {resource}"), Some(changed));
            }
        }
        for (nth, condition) in statement.conditions.iter().enumerate() {
            let mut changed = statement.clone();
            changed.conditions.remove(nth);
            add(format!("without {} {}", condition.operator, condition.key), Some(changed));
            for (value, narrower) in condition.without_each_value() {
                let mut changed = statement.clone();
                changed.conditions[nth] = narrower;
                add(format!("without {} {} {value}", condition.operator, condition.key), Some(changed));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::policy::{Document, Kind};
    use super::of;

    #[test]
    fn every_part_of_a_statement_is_changed_once() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"A","Effect":"Allow","Action":["ec2:StartInstances","ec2:StopInstances"],"Resource":"arn:aws:ec2:::instance/*",
             "Condition":{"StringEquals":{"ec2:InstanceType":["a","b"]}}},
            {"Sid":"D","Effect":"Deny","Action":"ec2:RunInstances","Resource":"*"}]}"#;
        let document = Document::parse("x", text, Kind::Identity).unwrap();
        let changes: Vec<String> = of(&document).into_iter().map(|change| change.what).collect();
        assert_eq!(
            changes,
            [
                "x A: without the statement",
                "x A: without ec2:StartInstances",
                "x A: without ec2:StopInstances",
                "x A: on every resource",
                "x A: without StringEquals ec2:InstanceType",
                "x A: without StringEquals ec2:InstanceType a",
                "x A: without StringEquals ec2:InstanceType b",
                "x D: without the statement",
            ]
        );
        assert!(of(&document).iter().all(|change| change.document != document));
    }
}
