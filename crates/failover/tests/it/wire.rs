//! Records between an older and a newer Relais: what each reader does with what the other wrote.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use relais_failover::decide::Alert;
use relais_failover::health::{BotFacts, HealthReport};
use relais_failover::wire::{Record, SCHEMA, WireError, decode, encode};
use relais_failover::{
    Claim, ControlMode, ControlRecord, EventKind, EventRecord, HandbackRecord, Incarnation, LeaseRecord, SavedSession,
    Site, Term, Timestamp, Version, WallClock, WatchRecord,
};
use serde_json::Value;

/// The whole pair of promises for one record type; `optional` are the fields an older writer does not know.
fn holds<R: Record + PartialEq + core::fmt::Debug>(full: &R, bare: &R, optional: &[&str]) {
    let text = encode(full).unwrap();
    assert_eq!(&decode::<R>(&text).unwrap(), full, "{}: what was written is read", R::NAME);

    // A newer writer of the same form adds a field: passed over.
    let mut newer: Value = serde_json::from_str(&text).unwrap();
    newer["a_field_of_next_year"] = serde_json::json!({ "deep": [1, 2, 3] });
    assert_eq!(&decode::<R>(&newer.to_string()).unwrap(), full, "{}: an unknown field is passed over", R::NAME);

    // An older writer leaves the optional ones out: defaulted.
    let mut older: Value = serde_json::from_str(&encode(bare).unwrap()).unwrap();
    for field in optional {
        older.as_object_mut().unwrap().remove(*field);
    }
    assert_eq!(&decode::<R>(&older.to_string()).unwrap(), bare, "{}: a missing optional field is defaulted", R::NAME);

    // Every other field is needed: its absence is named, never guessed.
    let fields: Vec<String> = newer.as_object().unwrap().keys().cloned().collect();
    for field in fields.iter().filter(|field| !optional.contains(&field.as_str()) && !field.starts_with("a_field")) {
        let mut broken: Value = serde_json::from_str(&text).unwrap();
        if broken[field].is_null() {
            continue;
        }
        broken.as_object_mut().unwrap().remove(field);
        match decode::<R>(&broken.to_string()) {
            Err(WireError::Malformed { record, detail }) => {
                assert_eq!(record, R::NAME);
                assert!(detail.contains(field.as_str()), "{}: {detail} does not name {field}", R::NAME);
            }
            // `Option` without an attribute of its own reads a missing field as none.
            Ok(_) => assert!(is_optional::<R>(&text, field), "{}: {field} was guessed", R::NAME),
            Err(other) => panic!("{}: {other}", R::NAME),
        }
    }

    // A newer form is refused by name, before anything else of it is looked at.
    let next = SCHEMA + 1;
    for text in [format!("{{\"schema\":{next}}}"), format!("{{\"schema\":{next},\"holder\":\"a riddle\"}}")] {
        let error = decode::<R>(&text).unwrap_err();
        assert_eq!(error, WireError::Newer { record: R::NAME, found: next });
        assert!(error.to_string().contains(R::NAME), "{error}");
    }
    for text in ["", "[]", "{}", "{\"schema\":\"1\"}", "{\"schema\":-1}", "{\"schema\":1"] {
        assert!(matches!(decode::<R>(text), Err(WireError::Malformed { .. })), "{}: {text:?}", R::NAME);
    }
}

fn is_optional<R: Record>(text: &str, field: &str) -> bool {
    let mut null: Value = serde_json::from_str(text).unwrap();
    null[field] = Value::Null;
    decode::<R>(&null.to_string()).is_ok()
}

fn claim() -> Claim {
    Claim { site: Site::Laptop, incarnation: Incarnation::new(0xa) }
}

#[test]
fn the_lease_is_read_by_older_and_newer_sites() {
    let bare = LeaseRecord::initial(Version::new(1), core::time::Duration::from_secs(30), WallClock(5));
    let full = LeaseRecord {
        holder: Some(claim()),
        term: Term(3),
        offer: Some(Site::Cloud),
        session: Some(SavedSession {
            session_id: "s".into(),
            sequence: 4,
            resume_url: Some("wss://x".into()),
            shards: NonZeroU32::new(4).unwrap(),
        }),
        ..bare.clone()
    };
    holds(&full, &bare, &["offer", "session"]);
}

#[test]
fn a_session_that_names_no_count_is_that_of_the_only_shard() {
    let read: SavedSession = serde_json::from_str(r#"{"session_id":"s","sequence":4}"#).unwrap();
    assert_eq!(read.shards, NonZeroU32::MIN);
    assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"session_id":"s","sequence":4}"#);
    assert!(serde_json::from_str::<SavedSession>(r#"{"session_id":"s","sequence":4,"shards":0}"#).is_err());
}

#[test]
fn the_request_for_the_lease_is_read_by_older_and_newer_sites() {
    let record = HandbackRecord {
        schema: 1,
        site: Site::Laptop,
        incarnation: Incarnation::new(2),
        version: Version::new(3),
        stable_ms: 4,
        wall_hint: WallClock(5),
    };
    holds(&record, &record, &[]);
}

#[test]
fn the_operators_wish_is_read_by_older_and_newer_sites() {
    let (mode, until) = (ControlMode::ForceCloud, WallClock(9));
    let bare = ControlRecord { schema: 1, mode, until, reason: String::new(), by: None };
    holds(&ControlRecord { reason: "lid".into(), by: Some(7), ..bare.clone() }, &bare, &["reason", "by"]);
}

#[test]
fn an_event_is_read_by_older_and_newer_sites() {
    let record =
        EventRecord { schema: 1, kind: EventKind::TakenOver, site: Site::Cloud, term: Term(4), at: WallClock(9) };
    holds(&record, &record, &[]);
}

#[test]
fn the_watchdogs_memory_is_read_by_older_and_newer_ones() {
    let at = Timestamp::from_millis;
    let bare = WatchRecord::new(at(7));
    let full = WatchRecord {
        revision: 4,
        version: Some(Version::new(1)),
        laptop_term: Some((claim(), Term(2))),
        degraded_since: Some(at(1)),
        free_since: Some(at(2)),
        running_since: Some(at(3)),
        leaseless_since: Some(at(4)),
        recycled_at: Some(at(5)),
        starts: vec![at(6)],
        alerted: BTreeMap::from([(Alert::Forged, at(7)), (Alert::PublicPathDown, at(8))]),
        ..bare.clone()
    };
    let optional = [
        "version",
        "laptop_term",
        "degraded_since",
        "free_since",
        "running_since",
        "leaseless_since",
        "recycled_at",
        "starts",
        "alerted",
    ];
    holds(&full, &bare, &optional);
}

#[test]
fn a_health_report_is_read_by_older_and_newer_probers() {
    let full = HealthReport {
        schema: 1,
        site: Site::Laptop,
        incarnation: Some(Incarnation::new(1)),
        boot_id: "b".into(),
        term: Some(Term(1)),
        connected: true,
        holder: true,
        lease_fresh: true,
        ack_age_ms: Some(3),
        disk_free_percent: 50,
        reasons: vec!["disk".into()],
        issued_wall: WallClock(1),
    };
    let bare = HealthReport { incarnation: None, term: None, ack_age_ms: None, ..full.clone() };
    holds(&full, &bare, &["incarnation", "term", "ack_age_ms"]);
}

#[test]
fn a_bots_facts_are_read_by_older_and_newer_health_servers() {
    let full = BotFacts {
        schema: 1,
        site: Site::Cloud,
        incarnation: Incarnation::new(1),
        term: Some(Term(1)),
        connected: true,
        holder: true,
        lease_age_ms: Some(1),
        lease_fresh: true,
        ack_age_ms: Some(2),
        loop_lag_ms: 3,
        role: "active".into(),
    };
    let bare = BotFacts { term: None, lease_age_ms: None, ack_age_ms: None, ..full.clone() };
    holds(&full, &bare, &["term", "lease_age_ms", "ack_age_ms"]);
}
