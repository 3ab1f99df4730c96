use std::collections::BTreeMap;

use relais_bot::commands::{Reply, Request, Standing, State, TABLE, find, note};
use relais_failover::{Site, Term, WallClock};
use relais_store::{StateItem, Write};
use serde_json::json;

fn request(subcommand: &str, options: &[(&str, &str)]) -> Request {
    Request {
        interaction: 7,
        command: "note".to_owned(),
        subcommand: Some(subcommand.to_owned()),
        options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        guild: Some(42),
        user: 3,
    }
}

#[test]
fn setting_a_note_writes_it_and_says_so() {
    let (reply, writes) = note::reply(&request("set", &[("name", "Milk"), ("text", "two litres")]), &State::default());
    assert_eq!(reply, Reply::private("Noted: milk."));
    let value = json!({ "text": "two litres", "by": "3" });
    assert_eq!(writes, [Write::Put { key: "STATE#NOTE#42#milk".parse().unwrap(), value }]);
}

#[test]
fn getting_a_note_shows_what_the_store_has_and_writes_nothing() {
    let request = request("get", &[("name", "milk")]);
    let keys = note::keys(&request);
    assert_eq!(keys, [note::key("42", "milk")]);
    let item = StateItem { key: keys[0].clone(), value: json!({ "text": "two litres", "by": "3" }), revision: 1 };
    let state = State { items: BTreeMap::from([(keys[0].clone(), item)]), standing: None };
    assert_eq!(note::reply(&request, &state), (Reply::public("two litres"), Vec::new()));
    assert_eq!(note::reply(&request, &State::default()), (Reply::private("No note named milk."), Vec::new()));
}

#[test]
fn bad_names_and_texts_are_refused_without_a_write() {
    let long = "x".repeat(1901);
    for options in [
        vec![("name", "a#b"), ("text", "t")],
        vec![("name", ""), ("text", "t")],
        vec![("name", "thirty-three-characters-is-too-long"), ("text", "t")],
        vec![("name", "a"), ("text", " ")],
        vec![("name", "a"), ("text", long.as_str())],
        vec![("text", "t")],
    ] {
        let (reply, writes) = note::reply(&request("set", &options), &State::default());
        assert!(reply.ephemeral && writes.is_empty(), "{options:?} gave {reply:?}");
    }
}

#[test]
fn notes_of_two_places_do_not_meet() {
    let here = request("get", &[("name", "a")]);
    let elsewhere = Request { guild: None, ..here.clone() };
    assert_ne!(note::keys(&here), note::keys(&elsewhere));
}

#[test]
fn status_names_site_and_term() {
    let standing = Standing { site: Site::Cloud, term: Term(9), since: WallClock(5_000), latency: None };
    let state = State { items: BTreeMap::new(), standing: Some(standing) };
    let (reply, writes) = (find("status").unwrap().reply)(&request("", &[]), &state);
    assert!(reply.content.contains("cloud") && reply.content.contains("Term: 9"), "{reply:?}");
    assert!(reply.content.contains("<t:5:R>") && writes.is_empty());
}

#[test]
fn every_command_of_the_table_is_found_by_its_name_and_registers_under_it() {
    for command in TABLE {
        assert_eq!(find(command.name).unwrap().name, command.name);
        assert_eq!(serde_json::to_value((command.register)()).unwrap()["name"], command.name);
    }
    assert!(find("none").is_none());
}
