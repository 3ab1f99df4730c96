//! The objects of one rendered overlay.

use anyhow::{Context as _, ensure};
use serde::Deserialize as _;
use serde_json::Value;

/// Everything that one overlay gives, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    /// The overlay's folder below the repository.
    pub(crate) name: String,
    /// The objects.
    pub(crate) objects: Vec<Value>,
}

impl Set {
    /// Reads what Kustomize rendered.
    ///
    /// # Errors
    /// It is no YAML, or there is nothing in it.
    pub(crate) fn read(name: &str, text: &str) -> anyhow::Result<Self> {
        let objects = documents(text).with_context(|| format!("read what {name} renders"))?;
        ensure!(!objects.is_empty(), "{name} renders nothing");
        Ok(Self { name: name.to_owned(), objects })
    }

    /// The objects of one kind.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| text(object, "/kind") == kind)
    }

    /// Whether there is such an object in that namespace.
    pub(crate) fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.of_kind(kind)
            .any(|object| text(object, "/metadata/name") == name && text(object, "/metadata/namespace") == namespace)
    }
}

/// The documents of one YAML text.
///
/// # Errors
/// It is no YAML.
pub(crate) fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let read = serde_norway::Deserializer::from_str(text).map(Value::deserialize);
    let objects = read.collect::<Result<Vec<_>, _>>().context("read YAML")?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The text at a JSON pointer; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer; empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `Kind name`, for people.
pub(crate) fn title(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))
}

/// Whether every pair of the selector is among the labels; a selector of nothing selects nothing here.
pub(crate) fn selects(selector: Option<&Value>, labels: Option<&Value>) -> bool {
    let pairs = selector.and_then(Value::as_object).filter(|pairs| !pairs.is_empty());
    pairs.is_some_and(|pairs| pairs.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value)))
}

/// A quantity of memory or processors in thousandths of its unit: `500m`, `64Mi`, `"1"`.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "m" => 1,
        "" => 1_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{documents, quantity, selects};

    #[test]
    fn documents_are_read_in_their_order_and_empty_ones_left_out() {
        let read = documents("kind: A\n---\n---\nkind: B\n").unwrap();
        assert_eq!(read, [json!({"kind": "A"}), json!({"kind": "B"})]);
        assert!(documents("kind: [").is_err());
    }

    #[test]
    fn quantities_have_units() {
        assert_eq!(quantity(&json!("500m")), Some(500));
        assert_eq!(quantity(&json!("1")), Some(1_000));
        assert_eq!(quantity(&json!(2)), Some(2_000));
        assert_eq!(quantity(&json!("2Ki")), Some(2_048_000));
        assert_eq!(quantity(&json!("2Km")), None);
        assert_eq!(quantity(&json!("")), None);
    }

    #[test]
    fn a_selector_of_nothing_selects_nothing() {
        let labels = json!({"a": "1", "b": "2"});
        assert!(selects(Some(&json!({"a": "1"})), Some(&labels)));
        assert!(!selects(Some(&json!({"a": "2"})), Some(&labels)));
        assert!(!selects(Some(&json!({})), Some(&labels)));
        assert!(!selects(None, Some(&labels)));
    }
}
