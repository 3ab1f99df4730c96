use relais_bot::registration::{hash, table};
use serde_json::{Value, json};

#[test]
fn the_hash_is_stable_and_sees_every_change() {
    let one = table(false).unwrap();
    assert_eq!(hash(&one), hash(&table(false).unwrap()));
    let mut other = one.clone();
    other[0]["description"] = json!("something else");
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn names_are_lower_case_and_descriptions_fit() {
    for command in table(true).unwrap().as_array().unwrap() {
        let name = command["name"].as_str().unwrap();
        assert_eq!(name, name.to_lowercase());
        assert!((1..=100).contains(&command["description"].as_str().unwrap().chars().count()));
    }
}

#[test]
fn discord_is_told_of_an_operators_command_only_where_there_are_operators_and_only_for_servers() {
    let told = |operators| table(operators).unwrap().as_array().unwrap().clone();
    let names = |commands: &[Value]| commands.iter().map(|command| command["name"].clone()).collect::<Vec<_>>();
    let (everybody, all) = (told(false), told(true));
    let more: Vec<&Value> = all.iter().filter(|command| !names(&everybody).contains(&command["name"])).collect();
    assert_eq!(more.iter().map(|command| &command["name"]).collect::<Vec<_>>(), [&json!("failover")]);
    // Manage Server is bit 5; context 0 is a server (Discord documentation, permissions and application commands).
    assert_eq!((&more[0]["default_member_permissions"], &more[0]["contexts"]), (&json!("32"), &json!([0])));
    assert_ne!(hash(&table(false).unwrap()), hash(&table(true).unwrap()));
}
