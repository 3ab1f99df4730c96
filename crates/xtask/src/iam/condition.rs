//! One condition of a statement: an operator, a key, values (IAM documentation, condition operators, and conditions with
//! several context keys or values). What is not known here is refused: a condition that nobody understood is never true.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};

use super::keys;
use super::pattern::{arn_matches, matches};

/// What a request says beside action and resource; a key may have several values, or be absent.
pub(crate) type Facts = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    One,
    ForAll,
    ForAny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    String,
    Like,
    Arn,
    Bool,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Null,
}

/// One operator on one key; the values are alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    quantifier: Quantifier,
    test: Test,
    negated: bool,
    if_exists: bool,
    /// The operator as it is written.
    pub(crate) operator: String,
    /// The key that is looked at.
    pub(crate) key: String,
    values: Vec<String>,
}

impl Condition {
    /// Reads one.
    ///
    /// # Errors
    /// If the operator, the key or a value is not known here.
    pub(crate) fn new(operator: &str, key: &str, values: Vec<String>) -> anyhow::Result<Self> {
        let (quantifier, name) = match operator.split_once(':') {
            None => (Quantifier::One, operator),
            Some(("ForAllValues", name)) => (Quantifier::ForAll, name),
            Some(("ForAnyValue", name)) => (Quantifier::ForAny, name),
            Some(_) => bail!("the operator {operator} is not understood"),
        };
        let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
        let (test, negated) = match name {
            "StringEquals" => (Test::String, false),
            "StringNotEquals" => (Test::String, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Bool" => (Test::Bool, false),
            "NumericEquals" => (Test::Equal, false),
            "NumericNotEquals" => (Test::Equal, true),
            "NumericLessThan" => (Test::Less, false),
            "NumericLessThanEquals" => (Test::LessOrEqual, false),
            "NumericGreaterThan" => (Test::Greater, false),
            "NumericGreaterThanEquals" => (Test::GreaterOrEqual, false),
            "Null" if !if_exists && quantifier == Quantifier::One => (Test::Null, false),
            _ => bail!("the operator {operator} is not understood"),
        };
        let several = keys::has_several_values(key)?;
        ensure!(
            several == (quantifier != Quantifier::One) || test == Test::Null,
            "{operator} does not fit {key}: ForAllValues and ForAnyValue are for keys with several values, and only for them"
        );
        ensure!(!values.is_empty(), "{operator} {key} has no value");
        for value in &values {
            ensure!(!value.contains("${"), "the policy variable in {value} is not understood");
            match test {
                Test::Bool | Test::Null => {
                    ensure!(
                        matches!(value.as_str(), "true" | "false"),
                        "{operator} {key}: {value} is neither true nor false"
                    );
                }
                Test::Equal | Test::Less | Test::LessOrEqual | Test::Greater | Test::GreaterOrEqual => {
                    number(value).with_context(|| format!("{operator} {key}"))?;
                }
                Test::String | Test::Like | Test::Arn => {}
            }
        }
        Ok(Self { quantifier, test, negated, if_exists, operator: operator.to_owned(), key: key.to_owned(), values })
    }

    /// The same with one value less, for each value of several.
    pub(crate) fn without_each_value(&self) -> Vec<(String, Self)> {
        let others = |left: &String| self.values.iter().filter(|&value| value != left).cloned().collect();
        let narrower = |left: &String| (left.clone(), Self { values: others(left), ..self.clone() });
        if self.values.len() > 1 { self.values.iter().map(narrower).collect() } else { Vec::new() }
    }

    /// Whether it holds for these facts.
    ///
    /// # Errors
    /// If a fact is of another kind than the operator: several values, or not a number.
    pub(crate) fn holds(&self, facts: &Facts) -> anyhow::Result<bool> {
        let found = facts.get(&self.key).map(Vec::as_slice);
        if self.test == Test::Null {
            let absent = if found.is_none() { "true" } else { "false" };
            return Ok(self.values.iter().any(|value| value == absent));
        }
        let Some(found) = found else {
            // No value of none breaks the rule; no value of none keeps it; and what is not there equals nothing.
            return Ok(match self.quantifier {
                Quantifier::ForAll => true,
                Quantifier::ForAny => self.if_exists,
                Quantifier::One => self.if_exists || self.negated,
            });
        };
        ensure!(
            self.quantifier != Quantifier::One || found.len() == 1,
            "{} has {} values for {}, which looks at one",
            self.key,
            found.len(),
            self.operator
        );
        let kept = found.iter().map(|fact| self.one(fact)).collect::<anyhow::Result<Vec<bool>>>()?;
        Ok(match self.quantifier {
            Quantifier::One | Quantifier::ForAll => kept.into_iter().all(|kept| kept),
            Quantifier::ForAny => kept.into_iter().any(|kept| kept),
        })
    }

    /// Whether one value of the request passes: it matches one of the policy's values, or none if the operator is negated.
    fn one(&self, fact: &str) -> anyhow::Result<bool> {
        for value in &self.values {
            if self.compare(fact, value)? {
                return Ok(!self.negated);
            }
        }
        Ok(self.negated)
    }

    fn compare(&self, fact: &str, value: &str) -> anyhow::Result<bool> {
        Ok(match self.test {
            Test::String => fact == value,
            Test::Like => matches(value, fact),
            Test::Arn => arn_matches(value, fact),
            Test::Bool => fact.eq_ignore_ascii_case(value),
            Test::Equal => number(fact)? == number(value)?,
            Test::Less => number(fact)? < number(value)?,
            Test::LessOrEqual => number(fact)? <= number(value)?,
            Test::Greater => number(fact)? > number(value)?,
            Test::GreaterOrEqual => number(fact)? >= number(value)?,
            Test::Null => bail!("Null compares nothing"),
        })
    }
}

/// The policies here have whole numbers only.
fn number(text: &str) -> anyhow::Result<i64> {
    text.parse().with_context(|| format!("{text} is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::{Condition, Facts};

    const ONE: &str = "aws:ResourceTag/Project";
    const MANY: &str = "dynamodb:LeadingKeys";

    fn holds(operator: &str, key: &str, values: &[&str], facts: Option<&[&str]>) -> bool {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let facts = facts.map(|facts| Facts::from([(key.to_owned(), words(facts))])).unwrap_or_default();
        Condition::new(operator, key, words(values)).unwrap().holds(&facts).unwrap()
    }

    #[test]
    fn an_absent_key_equals_nothing_and_differs_from_everything() {
        for (operator, value) in
            [("StringEquals", "a"), ("StringLike", "*"), ("ArnEquals", "*"), ("NumericEquals", "1")]
        {
            let key = if operator.starts_with("Arn") { "aws:SourceArn" } else { ONE };
            assert!(!holds(operator, key, &[value], None), "{operator}");
            assert!(holds(&format!("{operator}IfExists"), key, &[value], None), "{operator}IfExists");
        }
        assert!(!holds("Bool", "ec2:Encrypted", &["false"], None));
        assert!(holds("StringNotEquals", ONE, &["a"], None) && holds("StringNotLike", ONE, &["*"], None));
        assert!(holds("ArnNotEquals", "aws:SourceArn", &["arn:aws:a:b:c:d"], None));
        assert!(holds("Null", ONE, &["true"], None) && !holds("Null", ONE, &["false"], None));
        assert!(holds("Null", ONE, &["false"], Some(&["a"])) && !holds("Null", ONE, &["true"], Some(&["a"])));
    }

    #[test]
    fn values_are_alternatives_and_a_negation_means_none_of_them() {
        assert!(
            holds("StringEquals", ONE, &["a", "b"], Some(&["b"]))
                && !holds("StringEquals", ONE, &["a", "b"], Some(&["B"]))
        );
        assert!(
            holds("StringNotEquals", ONE, &["a", "b"], Some(&["c"]))
                && !holds("StringNotEquals", ONE, &["a", "b"], Some(&["b"]))
        );
        assert!(
            holds("StringLike", ONE, &["re*s"], Some(&["relais"]))
                && !holds("StringEquals", ONE, &["re*s"], Some(&["relais"]))
        );
        assert!(holds("Bool", "ec2:Encrypted", &["true"], Some(&["True"])));
    }

    #[test]
    fn all_values_or_any_of_them() {
        let keys = &["STATE", "OPERATION#*"];
        assert!(holds("ForAllValues:StringLike", MANY, keys, Some(&["STATE", "OPERATION#1"])));
        assert!(!holds("ForAllValues:StringLike", MANY, keys, Some(&["STATE", "WATCH"])));
        assert!(holds("ForAnyValue:StringLike", MANY, &["WATCH"], Some(&["STATE", "WATCH"])));
        assert!(!holds("ForAnyValue:StringLike", MANY, &["WATCH"], Some(&["STATE"])));
        assert!(holds("ForAnyValue:StringNotEquals", MANY, &["WATCH"], Some(&["STATE", "WATCH"])));
        // The well-known trap: nothing at all satisfies "all of them".
        assert!(
            holds("ForAllValues:StringEquals", MANY, &["STATE"], None)
                && !holds("ForAnyValue:StringEquals", MANY, &["STATE"], None)
        );
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let key = "ec2:VolumeSize";
        for (operator, fact, expected) in [
            ("NumericEquals", "8", true),
            ("NumericNotEquals", "8", false),
            ("NumericLessThan", "8", false),
            ("NumericLessThanEquals", "8", true),
            ("NumericGreaterThan", "100", true),
            ("NumericGreaterThanEquals", "7", false),
        ] {
            assert_eq!(holds(operator, key, &["8"], Some(&[fact])), expected, "{operator} {fact}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_and_never_true() {
        let refused = |operator: &str, key: &str, value: &str| {
            format!("{:#}", Condition::new(operator, key, vec![value.to_owned()]).unwrap_err())
        };
        assert!(refused("DateLessThan", ONE, "2026").contains("DateLessThan"));
        assert!(refused("ForEachValue:StringEquals", MANY, "a").contains("ForEachValue"));
        assert!(refused("NullIfExists", ONE, "true").contains("NullIfExists"));
        assert!(refused("StringEquals", "ec2:LaunchTemplateName", "a").contains("ec2:LaunchTemplateName"));
        assert!(refused("StringEquals", MANY, "a").contains("several values"));
        assert!(refused("ForAllValues:StringEquals", ONE, "a").contains("several values"));
        assert!(refused("StringEquals", ONE, "${aws:username}").contains("policy variable"));
        assert!(refused("Bool", "ec2:Encrypted", "yes").contains("yes"));
        assert!(refused("NumericEquals", "ec2:VolumeSize", "8.5").contains("8.5"));
        assert!(Condition::new("StringEquals", ONE, Vec::new()).is_err());
        let two = Facts::from([(ONE.to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        assert!(Condition::new("StringEquals", ONE, vec!["a".to_owned()]).unwrap().holds(&two).is_err());
    }
}
