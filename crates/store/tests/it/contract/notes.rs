//! The small records beside the lease: hand-back request, operator's override, watchdog's memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use relais_failover::{ControlMode, HandbackRecord, Incarnation, Site, Timestamp, WallClock, WatchRecord};
use relais_store::{Store, WatchError};

use crate::builders::{held, version, wish};

crate::contract::promises!(
    handback_is_replaced_and_cleared_by_its_site_only,
    control_is_replaced,
    control_of_somebody_else_stays,
    watch_needs_the_revision_that_was_read,
    twenty_watchers_have_one_winner,
);

async fn handback_is_replaced_and_cleared_by_its_site_only(store: Arc<dyn Store>) {
    let lease = held(&*store).await;
    let asks = |incarnation, stable_ms| HandbackRecord {
        schema: 1,
        site: Site::Laptop,
        incarnation: Incarnation::new(incarnation),
        version: version(),
        stable_ms,
        wall_hint: WallClock(7),
    };
    store.clear_handback(Site::Laptop).await.unwrap();
    store.put_handback(&asks(1, 5)).await.unwrap();
    let last = asks(u128::MAX, u64::MAX);
    store.put_handback(&last).await.unwrap();
    store.clear_handback(Site::Cloud).await.unwrap();
    let board = store.read_board().await.unwrap();
    assert_eq!((board.handback, board.lease.as_ref()), (Some(last), Some(&lease)));
    store.clear_handback(Site::Laptop).await.unwrap();
    let board = store.read_board().await.unwrap();
    assert_eq!((board.handback, board.lease), (None, Some(lease)));
}

async fn control_is_replaced(store: Arc<dyn Store>) {
    for mode in ControlMode::ALL {
        let record = wish(mode);
        store.put_control(&record).await.unwrap();
        assert_eq!(store.read_board().await.unwrap().control, Some(record));
    }
}

async fn control_of_somebody_else_stays(store: Arc<dyn Store>) {
    let (first, second) = (wish(ControlMode::ForceCloud), wish(ControlMode::Auto));
    let operator = wish(ControlMode::Maintenance);
    assert!(!store.replace_control(&first, Some(&second)).await.unwrap());
    assert_eq!(store.read_board().await.unwrap().control, None);
    assert!(store.replace_control(&first, None).await.unwrap());
    assert!(store.replace_control(&second, Some(&first)).await.unwrap());
    store.put_control(&operator).await.unwrap();
    for expected in [None, Some(&second)] {
        assert!(!store.replace_control(&first, expected).await.unwrap());
        assert_eq!(store.read_board().await.unwrap().control.as_ref(), Some(&operator));
    }
    assert!(store.replace_control(&first, Some(&operator)).await.unwrap());
    assert_eq!(store.read_board().await.unwrap().control, Some(first));
}

fn watch(revision: u64, failed_probes: u32) -> WatchRecord {
    WatchRecord {
        schema: 1,
        revision,
        last_look: Timestamp::from_millis(1),
        version: Some(version()),
        version_since: Timestamp::ORIGIN,
        laptop_term: None,
        laptop_renewals: 0,
        failed_probes,
        ok_probes: 0,
        degraded_since: None,
        free_since: None,
        running_since: None,
        leaseless_since: None,
        recycled_at: None,
        starts: vec![Timestamp::from_millis(u64::MAX)],
        month: 682,
        cloud_ms: 0,
        alerted: BTreeMap::new(),
    }
}

async fn watch_needs_the_revision_that_was_read(store: Arc<dyn Store>) {
    assert_eq!(store.read_watch().await.unwrap(), None);
    let early = store.write_watch(&watch(2, 0), Some(1)).await.unwrap_err();
    assert_eq!(early, WatchError::Conflict { current: None });
    let first = watch(1, 0);
    store.write_watch(&first, None).await.unwrap();
    let second = store.write_watch(&watch(1, 9), None).await.unwrap_err();
    assert_eq!(second, WatchError::Conflict { current: Some(Box::new(first)) });
    let next = watch(2, 1);
    store.write_watch(&next, Some(1)).await.unwrap();
    assert!(matches!(store.write_watch(&watch(2, 9), Some(1)).await, Err(WatchError::Conflict { .. })));
    assert_eq!(store.read_watch().await.unwrap(), Some(next));
}

async fn twenty_watchers_have_one_winner(store: Arc<dyn Store>) {
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write_watch(&watch(1, n), None).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for writer in writers {
        won += u32::from(writer.await.unwrap());
    }
    assert_eq!(won, 1);
}
