//! What only a table has to show of backups: it is read in small parts, and looked at before it is restored into.

use relais_dynamodb::{Dynamo, table};
use relais_failover::WallClock;
use relais_store::{Archive as _, Entry, LeaseStore as _, Restoration, RestoreError, StateKey, StateStore as _, Write};
use serde_json::json;

use crate::builders::{event, held, initial, put, write};
use crate::emulator::{LONG, client, endpoint, make_table};

fn source(digest: &str) -> Restoration {
    Restoration { schema: 1, digest: digest.repeat(64), wall_hint: WallClock(1) }
}

#[tokio::test]
async fn a_table_that_lost_its_lease_is_not_restored_into() {
    let name = make_table().await;
    let store = Dynamo::new(client(&endpoint()), &name, LONG);
    let now = held(&store).await;
    // The watchdog's memory and an override are no hindrance; what bots wrote is.
    store.commit(&write(&now, "op", vec![])).await.unwrap();
    let lease = client(&endpoint()).delete_item().table_name(&name);
    let lease = lease.key(table::PK, aws_sdk_dynamodb::types::AttributeValue::S("BOARD".to_owned()));
    lease.key(table::SK, aws_sdk_dynamodb::types::AttributeValue::S("LEASE".to_owned())).send().await.unwrap();
    let refused = store.begin_restore(&source("0")).await.unwrap_err();
    assert_eq!(refused, RestoreError::NotEmpty { what: "marks of operations".to_owned() });
    assert_eq!(store.put_back(&source("0"), &[]).await, Err(RestoreError::NotBegun));
    assert_eq!(store.finish_restore(&source("0"), &initial()).await, Err(RestoreError::NotBegun));
    assert_eq!(store.read_board().await.unwrap().lease, None);
}

#[tokio::test]
async fn two_restores_at_once_are_one() {
    let name = make_table().await;
    let (one, two) = (Dynamo::new(client(&endpoint()), &name, LONG), Dynamo::new(client(&endpoint()), &name, LONG));
    let (mine, other) = (source("0"), source("1"));
    let begun = tokio::join!(one.begin_restore(&mine), two.begin_restore(&other));
    let refused = match begun {
        (Ok(()), Err(error)) | (Err(error), Ok(())) => error,
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, RestoreError::Another { .. }), "{refused}");
}

#[tokio::test]
async fn a_copy_comes_in_small_pages_and_in_order() {
    let store = Dynamo::new(client(&endpoint()), make_table().await, LONG);
    let now = held(&store).await;
    let puts = (0..40).map(|n| put(&format!("note#{n:02}"), n));
    let more = [Write::Put { key: StateKey::outbox("1"), value: json!(1) }, Write::AppendEvent(event(1))];
    store.commit(&write(&now, "op", puts.chain(more).collect())).await.unwrap();
    let mut copy = store.copy().await.unwrap();
    let (mut pages, mut entries) = (0, Vec::new());
    loop {
        let page = copy.next().await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 16, "{} items in one request", page.len());
        pages += 1;
        entries.extend(page);
    }
    assert!(copy.next().await.unwrap().is_empty(), "an end stays an end");
    let names: Vec<String> = entries
        .iter()
        .map(|entry| match entry {
            Entry::Control(_) => "CONTROL".to_owned(),
            Entry::Event { number, .. } => format!("EVENT#{number}"),
            Entry::State(item) => item.key.to_string(),
        })
        .collect();
    assert_eq!((pages, names.len()), (5, 42));
    assert_eq!(names[..3], ["EVENT#1", "OUTBOX#1", "STATE#note#00"]);
    assert!(names.is_sorted());
}
