//! The lease: conditions and effects are one step, refusals carry the record.

use std::num::NonZeroU32;
use std::sync::Arc;

use relais_failover::{Board, Fence, Incarnation, LeaseOp, SavedSession, Site, Term, WallClock};
use relais_store::{LeaseError, Store, StoreError};
use tokio::sync::Barrier;

use crate::builders::{acquire, claim, held, initial, offer, release, renew, take_over, version};

crate::contract::promises!(
    init_happens_once,
    missing_lease_is_a_finding_and_stays_missing,
    free_lease_is_acquired_with_the_next_term,
    refusal_carries_the_record_that_refused,
    twenty_acquirers_have_one_winner,
    twenty_take_overs_have_one_winner,
    own_write_is_recognised_when_it_is_tried_again,
    renewal_saves_the_session,
    renewal_by_anybody_else_is_refused,
    offer_is_accepted_by_the_named_site_only,
    released_lease_is_anybodys,
);

async fn init_happens_once(store: Arc<dyn Store>) {
    let first = initial();
    store.init(&first).await.unwrap();
    assert_eq!(store.init(&initial()).await, Err(StoreError::AlreadyInitialised));
    assert_eq!(store.read_board().await.unwrap().lease, Some(first));
}

async fn missing_lease_is_a_finding_and_stays_missing(store: Arc<dyn Store>) {
    assert_eq!(store.read_board().await.unwrap(), Board::default());
    let error = store.apply(&acquire(claim(Site::Laptop, 1), &initial())).await.unwrap_err();
    assert_eq!(error, LeaseError::Missing);
    assert_eq!(store.read_board().await.unwrap(), Board::default());
}

async fn free_lease_is_acquired_with_the_next_term(store: Arc<dyn Store>) {
    let first = initial();
    store.init(&first).await.unwrap();
    let op = acquire(claim(Site::Laptop, 1), &first);
    let record = store.apply(&op).await.unwrap();
    assert_eq!((record.holder, record.term), (Some(claim(Site::Laptop, 1)), Term(1)));
    assert_eq!(record.version, op.version());
    assert_eq!(store.read_board().await.unwrap().lease, Some(record));
}

async fn refusal_carries_the_record_that_refused(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let mut outdated = now.clone();
    outdated.version = version();
    for op in [take_over(claim(Site::Cloud, 2), &outdated), acquire(claim(Site::Cloud, 2), &now)] {
        let LeaseError::Refused(refusal) = store.apply(&op).await.unwrap_err() else { panic!("not refused") };
        assert_eq!(*refusal.current, now);
    }
    assert_eq!(store.read_board().await.unwrap().lease, Some(now));
}

async fn twenty_acquirers_have_one_winner(store: Arc<dyn Store>) {
    let first = initial();
    store.init(&first).await.unwrap();
    race(store, |n| acquire(claim(Site::ALL[usize::from(n % 2)], u128::from(n)), &first), Term(1)).await;
}

async fn twenty_take_overs_have_one_winner(store: Arc<dyn Store>) {
    let stale = held(&*store).await;
    race(store, |n| take_over(claim(Site::Cloud, 100 + u128::from(n)), &stale), Term(2)).await;
}

/// Twenty tasks start together on several threads; the winner's record must be what the losers and the store show.
async fn race(store: Arc<dyn Store>, op: impl Fn(u8) -> LeaseOp, term: Term) {
    let start = Arc::new(Barrier::new(20));
    let racers: Vec<_> = (0..20)
        .map(|n| {
            let (store, start, op) = (Arc::clone(&store), Arc::clone(&start), op(n));
            tokio::spawn(async move {
                start.wait().await;
                store.apply(&op).await
            })
        })
        .collect();
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            Ok(record) => won.push(record),
            Err(LeaseError::Refused(refusal)) => lost.push(*refusal.current),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert_eq!(won[0].term, term);
    assert!(lost.iter().all(|shown| *shown == won[0]));
    assert_eq!(store.read_board().await.unwrap().lease.as_ref(), Some(&won[0]));
}

async fn own_write_is_recognised_when_it_is_tried_again(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let op = renew(now.fence().unwrap(), now.version);
    let written = store.apply(&op).await.unwrap();
    let LeaseError::Refused(refusal) = store.apply(&op).await.unwrap_err() else { panic!("written twice") };
    assert!(op.is_mine(&refusal.current));
    assert_eq!(*refusal.current, written);
    let other = renew(now.fence().unwrap(), now.version);
    assert!(!other.is_mine(&refusal.current));
}

async fn renewal_saves_the_session(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let session =
        SavedSession { session_id: "é✓".to_owned(), sequence: u64::MAX, resume_url: None, shards: NonZeroU32::MIN };
    let op = LeaseOp::Renew {
        fence: now.fence().unwrap(),
        expected: now.version,
        version: version(),
        ttl_ms: 30_000,
        wall_hint: WallClock(3),
        session: Some(session.clone()),
    };
    let record = store.apply(&op).await.unwrap();
    assert_eq!((record.term, record.session), (now.term, Some(session)));
}

async fn renewal_by_anybody_else_is_refused(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let mine = now.fence().unwrap();
    for op in [
        renew(Fence { incarnation: Incarnation::new(2), ..mine }, now.version),
        renew(Fence { site: Site::Cloud, ..mine }, now.version),
        renew(Fence { term: Term(2), ..mine }, now.version),
        renew(Fence { term: Term(0), ..mine }, now.version),
        renew(mine, version()),
    ] {
        let error = store.apply(&op).await.unwrap_err();
        assert!(matches!(error, LeaseError::Refused(_)), "{op:?}: {error}");
    }
    assert_eq!(store.read_board().await.unwrap().lease, Some(now));
}

async fn offer_is_accepted_by_the_named_site_only(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let offered = store.apply(&offer(&now, Site::Cloud)).await.unwrap();
    assert_eq!((offered.holder, offered.offer, offered.term), (None, Some(Site::Cloud), Term(1)));
    let error = store.apply(&acquire(claim(Site::Laptop, 3), &offered)).await.unwrap_err();
    assert!(matches!(error, LeaseError::Refused(_)), "{error}");
    let accepted = store.apply(&acquire(claim(Site::Cloud, 2), &offered)).await.unwrap();
    assert_eq!((accepted.holder, accepted.offer), (Some(claim(Site::Cloud, 2)), None));
    assert_eq!(accepted.term, Term(2));
}

async fn released_lease_is_anybodys(store: Arc<dyn Store>) {
    let now = held(&*store).await;
    let released = store.apply(&release(&now)).await.unwrap();
    assert_eq!((released.holder, released.offer), (None, None));
    let taken = store.apply(&acquire(claim(Site::Cloud, 2), &released)).await.unwrap();
    assert_eq!((taken.holder, taken.term), (Some(claim(Site::Cloud, 2)), Term(2)));
}
