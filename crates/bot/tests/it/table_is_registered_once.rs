use relais_bot::registration::{hash, table};
use serde_json::json;

#[test]
fn the_hash_is_stable_and_sees_every_change() {
    let one = table().unwrap();
    assert_eq!(hash(&one), hash(&table().unwrap()));
    let mut other = one.clone();
    other[0]["description"] = json!("something else");
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn names_are_lower_case_and_descriptions_fit() {
    for command in table().unwrap().as_array().unwrap() {
        let name = command["name"].as_str().unwrap();
        assert_eq!(name, name.to_lowercase());
        assert!((1..=100).contains(&command["description"].as_str().unwrap().chars().count()));
    }
}
