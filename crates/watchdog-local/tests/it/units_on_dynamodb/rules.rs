//! What DynamoDB charges for a request (Developer Guide: "DynamoDB read and write operations", "DynamoDB item sizes and
//! formats", "Amazon DynamoDB Transactions: How it works").
//!
//! A consistent read costs a unit for each begun 4 KB, one that is not half of that; a query rounds up the sum of what it
//! read, and finding nothing costs as much as the smallest item. A write costs a unit for each begun KB of the item before
//! or after it, whichever is larger, also if its condition fails. A transaction costs each of its items twice, a condition
//! check like a write. Where the guide leaves room (a cancelled transaction, a refused write of a larger item), this counts
//! the most.

use std::collections::HashMap;

use serde_json::{Map, Value};

const KB: usize = 1_024;
/// How the store writes an item of the bot's data.
const UPDATE: &str = "SET #body = :body, #revision = if_not_exists(#revision, :zero) + :one";

/// An item as it is written down on the wire.
type Item = Map<String, Value>;

/// Units of both kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) read: f64,
    pub(crate) write: f64,
}

/// A table as its requests made it, for the sizes of what they replace.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<(String, String), Item>);

/// What a request was about and what it cost; or why that cannot be told.
pub(crate) type Charge = Result<(String, Units), String>;

impl Table {
    /// Charges a request that got this answer, and remembers what it wrote.
    pub(crate) fn charge(&mut self, operation: &str, request: &Value, good: bool, answer: &Value) -> Charge {
        let kind = answer["__type"].as_str().unwrap_or_default();
        let refused = kind.contains("ConditionalCheckFailed") || kind.contains("TransactionCanceled");
        if !good && !refused {
            return Err(format!("{operation} was answered {answer}"));
        }
        match operation {
            "GetItem" => {
                let size = answer["Item"].as_object().map_or(Ok(0), size)?;
                Ok((about(&request["Key"])?, read(size, request)))
            }
            "Query" => {
                let items = answer["Items"].as_array().ok_or("a query without items")?;
                let sizes: Vec<usize> =
                    items.iter().filter_map(Value::as_object).map(size).collect::<Result<_, _>>()?;
                let values = &request["ExpressionAttributeValues"];
                let partition = if values[":pk"].is_null() { &values[":board"] } else { &values[":pk"] };
                let name = partition["S"].as_str().ok_or("a query without a partition")?.to_owned();
                Ok((name, read(sizes.iter().sum(), request)))
            }
            "PutItem" | "DeleteItem" => {
                let part = if operation == "PutItem" { "Put" } else { "Delete" };
                let write = self.write(part, request, good)?;
                let key = if part == "Put" { &request["Item"] } else { &request["Key"] };
                Ok((about(key)?, Units { read: 0.0, write }))
            }
            "TransactWriteItems" => {
                let (mut units, mut name) = (Units::default(), String::new());
                for part in request["TransactItems"].as_array().ok_or("a transaction without items")? {
                    let (kind, part) = part.as_object().and_then(|part| part.iter().next()).ok_or("an empty part")?;
                    units.write += 2.0 * self.write(kind, part, good)?;
                    if let Some(operation) =
                        part["Item"]["pk"]["S"].as_str().and_then(|pk| pk.strip_prefix("OPERATION#"))
                    {
                        name = format!("transaction: {}", plain(operation));
                    }
                }
                Ok((name, units))
            }
            other => Err(format!("no rule for {other}")),
        }
    }

    /// The units of one write outside a transaction; it is remembered if it was `done`.
    fn write(&mut self, kind: &str, part: &Value, done: bool) -> Result<f64, String> {
        let key = key(if kind == "Put" { &part["Item"] } else { &part["Key"] })?;
        let before = self.0.get(&key).map_or(Ok(0), size)?;
        let after = match kind {
            "Put" => Some(part["Item"].as_object().ok_or("a put without an item")?.clone()),
            "Update" => Some(self.updated(part)?),
            "Delete" => None,
            // Changes nothing, and costs like a write of what is there.
            "ConditionCheck" => self.0.get(&key).cloned(),
            other => return Err(format!("no rule for {other} in a transaction")),
        };
        let larger = before.max(after.as_ref().map_or(Ok(0), size)?);
        if done {
            match after {
                Some(item) => drop(self.0.insert(key, item)),
                None => drop(self.0.remove(&key)),
            }
        }
        Ok(begun(larger, KB))
    }

    /// An item after the one update that the store knows.
    fn updated(&self, part: &Value) -> Result<Item, String> {
        if part["UpdateExpression"] != UPDATE {
            return Err(format!("no rule for the update {}", part["UpdateExpression"]));
        }
        let mut item = part["Key"].as_object().ok_or("an update without a key")?.clone();
        let before = self.0.get(&key(&part["Key"])?).and_then(|item| item["revision"]["N"].as_str()?.parse().ok());
        let revision = before.map_or(1, |revision: u64| revision + 1);
        item.insert("body".to_owned(), part["ExpressionAttributeValues"][":body"].clone());
        item.insert("revision".to_owned(), serde_json::json!({ "N": revision.to_string() }));
        Ok(item)
    }
}

/// Consistent or not.
fn read(size: usize, request: &Value) -> Units {
    let whole = begun(size, 4 * KB);
    Units { read: if request["ConsistentRead"] == true { whole } else { whole / 2.0 }, write: 0.0 }
}

/// Begun pieces, at least one.
fn begun(size: usize, piece: usize) -> f64 {
    size.div_ceil(piece).max(1) as f64
}

/// Names and values.
fn size(item: &Item) -> Result<usize, String> {
    item.iter().map(|(name, value)| Ok(name.len() + value_size(value)?)).sum()
}

fn value_size(value: &Value) -> Result<usize, String> {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).ok_or("an attribute without a kind")?;
    match (kind.as_str(), value.as_str()) {
        ("S", Some(text)) => Ok(text.len()),
        // A byte for two significant digits, and one more.
        ("N", Some(number)) => {
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            Ok(digits.trim_matches('0').len().div_ceil(2) + 1)
        }
        _ => Err(format!("no rule for an attribute {kind}")),
    }
}

fn key(item: &Value) -> Result<(String, String), String> {
    let part = |name: &str| item[name]["S"].as_str().map(str::to_owned).ok_or(format!("no {name} in {item}"));
    Ok((part("pk")?, part("sk")?))
}

/// The partition, and on the board and in the bot's data what stands there.
fn about(item: &Value) -> Result<String, String> {
    let (pk, sk) = key(item)?;
    Ok(if pk == sk { pk } else { format!("{pk}: {}", plain(sk.split('#').nth(1).unwrap_or(&sk))) })
}

/// A name without what is different each time.
fn plain(name: &str) -> &str {
    let word = name.split('-').next().unwrap_or(name);
    if word.bytes().all(|byte| byte.is_ascii_digit()) { "of a user" } else { word }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Table, Units, size};

    fn item(pk: &str, sk: &str, body: usize) -> Value {
        json!({ "pk": { "S": pk }, "sk": { "S": sk }, "body": { "S": "x".repeat(body) } })
    }

    fn costs(table: &mut Table, operation: &str, request: Value, answer: Value) -> Units {
        let good = answer["__type"].is_null();
        table.charge(operation, &request, good, &answer).unwrap().1
    }

    const fn reads(read: f64) -> Units {
        Units { read, write: 0.0 }
    }

    const fn writes(write: f64) -> Units {
        Units { read: 0.0, write }
    }

    #[test]
    fn an_item_is_as_large_as_its_names_and_values() {
        // 2 + 4, 2 + 1, 8 + 2 for a number of three digits, 7 + 2 for one whose zeros do not count.
        let item = json!({
            "pk": { "S": "élan" }, "sk": { "S": "b" }, "revision": { "N": "123" }, "expires": { "N": "1200" },
        });
        assert_eq!(size(item.as_object().unwrap()), Ok(2 + 5 + 2 + 1 + 8 + 3 + 7 + 2));
        assert!(size(json!({ "a": { "M": {} } }).as_object().unwrap()).is_err());
    }

    #[test]
    fn reads_are_charged_by_four_kilobytes_and_nothing_like_something_small() {
        let mut table = Table::default();
        let get = |consistent: bool| json!({ "Key": item("WATCH", "WATCH", 0), "ConsistentRead": consistent });
        assert_eq!(costs(&mut table, "GetItem", get(true), json!({})), reads(1.0));
        let large = json!({ "Item": item("WATCH", "WATCH", 4_096) });
        assert_eq!(costs(&mut table, "GetItem", get(true), large.clone()), reads(2.0));
        assert_eq!(costs(&mut table, "GetItem", get(false), large), reads(1.0));
        let query = json!({ "ConsistentRead": true, "ExpressionAttributeValues": { ":pk": { "S": "OUTBOX" } } });
        // Three of 1,500 bytes are rounded up together, not each.
        let found = json!({ "Items": vec![item("OUTBOX", "OUTBOX#1", 1_500); 3] });
        assert_eq!(costs(&mut table, "Query", query.clone(), found), reads(2.0));
        assert_eq!(costs(&mut table, "Query", query, json!({ "Items": [] })), reads(1.0));
    }

    #[test]
    fn a_write_costs_the_larger_of_before_and_after_even_if_it_is_refused() {
        let mut table = Table::default();
        let put = |body: usize| json!({ "Item": item("BOARD", "LEASE", body) });
        assert_eq!(costs(&mut table, "PutItem", put(3_000), json!({})), writes(3.0));
        assert_eq!(costs(&mut table, "PutItem", put(10), json!({})), writes(3.0));
        assert_eq!(costs(&mut table, "PutItem", put(10), json!({})), writes(1.0));
        let refused = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
        assert_eq!(costs(&mut table, "PutItem", put(1_500), refused), writes(2.0));
        // The refused one was not written.
        let delete = json!({ "Key": item("BOARD", "LEASE", 0) });
        assert_eq!(costs(&mut table, "DeleteItem", delete, json!({})), writes(1.0));
    }

    #[test]
    fn a_transaction_costs_every_item_twice_and_a_check_like_a_write() {
        let mut table = Table::default();
        costs(&mut table, "PutItem", json!({ "Item": item("BOARD", "LEASE", 1_500) }), json!({}));
        let mark = json!({ "Put": { "Item": { "pk": { "S": "OPERATION#session-1f" }, "sk": { "S": "OPERATION" } } } });
        let check = json!({ "ConditionCheck": { "Key": item("BOARD", "LEASE", 0) } });
        let update = json!({ "Update": {
            "Key": { "pk": { "S": "STATE" }, "sk": { "S": "STATE#SESSION#0" } }, "UpdateExpression": super::UPDATE,
            "ExpressionAttributeValues": { ":body": { "S": "x".repeat(1_100) } },
        } });
        let request = json!({ "TransactItems": [mark, check, update] });
        let (about, units) = table.charge("TransactWriteItems", &request, true, &json!({})).unwrap();
        assert_eq!((about.as_str(), units), ("transaction: session", writes(2.0 + 4.0 + 4.0)));
    }

    #[test]
    fn what_no_rule_covers_is_told() {
        let mut table = Table::default();
        assert!(table.charge("Scan", &json!({}), true, &json!({})).unwrap_err().contains("Scan"));
        let throttled = json!({ "__type": "ProvisionedThroughputExceededException" });
        assert!(table.charge("GetItem", &json!({}), false, &throttled).unwrap_err().contains("Throughput"));
    }
}
