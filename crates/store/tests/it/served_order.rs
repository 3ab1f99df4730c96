//! What the observer of a served store hears, and when.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use relais_failover::{LeaseOp, Site, Term};
use relais_store::faulty::{Call, Fault};
use relais_store::served::{self, Observed};
use relais_store::{Faulty, LeaseError, LeaseStore, Memory, Remote, StateStore, Store, StoreError};

use crate::builders::{acquire, claim, initial, offer, put, renew, take_over, write};

const LONG: Duration = Duration::from_secs(20);

async fn watched() -> (Remote, Arc<Mutex<Vec<Observed>>>) {
    let (address, heard) = watched_over(Arc::new(Memory::new())).await;
    (Remote::new(address, LONG).unwrap(), heard)
}

async fn watched_over(store: Arc<dyn Store>) -> (SocketAddr, Arc<Mutex<Vec<Observed>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Arc::clone(&heard);
    let router = served::observed(store, Arc::new(move |seen| log.lock().unwrap().push(seen.clone())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, heard)
}

#[tokio::test]
async fn observer_hears_each_change_once_and_in_order() {
    let (store, heard) = watched().await;
    let first = initial();
    store.init(&first).await.unwrap();
    let one = store.apply(&acquire(claim(Site::Laptop, 1), &first)).await.unwrap();
    let tx = write(&one, "op", vec![put("a", 1)]);
    store.commit(&tx).await.unwrap();
    store.commit(&tx).await.unwrap();
    let renewed = store.apply(&renew(one.fence().unwrap(), one.version)).await.unwrap();
    let refused: LeaseOp = take_over(claim(Site::Cloud, 2), &one);
    store.apply(&refused).await.unwrap_err();
    let offered = store.apply(&offer(&renewed, Site::Cloud)).await.unwrap();
    let two = store.apply(&acquire(claim(Site::Cloud, 2), &offered)).await.unwrap();
    let late = write(&one, "late", vec![put("a", 2)]);
    store.commit(&late).await.unwrap_err();
    let (fence, operation) = (tx.fence, tx.operation);
    assert_eq!(two.term, Term(2));
    assert_eq!(
        *heard.lock().unwrap(),
        [
            Observed::Initialised { record: first },
            Observed::Granted { record: one },
            Observed::Committed { fence, operation: operation.clone(), repeated: false },
            Observed::Committed { fence, operation, repeated: true },
            Observed::Renewed { record: renewed.clone() },
            Observed::Refused { op: refused, current: Some(renewed) },
            Observed::GivenUp { record: offered },
            Observed::Granted { record: two.clone() },
            Observed::Fenced { fence: late.fence, operation: late.operation, current: Some(two) },
        ]
    );
}

#[tokio::test]
async fn reads_are_not_observed() {
    let (store, heard) = watched().await;
    store.read_board().await.unwrap();
    store.list("STATE#", 9).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), []);
}

async fn until(holds: impl AsyncFn() -> bool) {
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, poll).await.unwrap();
}

#[tokio::test]
async fn request_that_arrived_is_carried_out_though_its_caller_went_away() {
    let inner = Arc::new(Faulty::new(Memory::new()));
    let (address, heard) = watched_over(Arc::clone(&inner) as Arc<dyn Store>).await;
    let first = initial();
    inner.init(&first).await.unwrap();
    inner.next(Call::Apply, Fault::Slow(Duration::from_millis(600)));
    let op = acquire(claim(Site::Laptop, 1), &first);
    let impatient = Remote::new(address, Duration::from_millis(200)).unwrap();
    assert_eq!(impatient.apply(&op).await, Err(LeaseError::Store(StoreError::Timeout)));
    drop(impatient);
    until(async || !heard.lock().unwrap().is_empty()).await;
    let written = inner.read_board().await.unwrap().lease.unwrap();
    assert_eq!(written.version, op.version());
    assert_eq!(*heard.lock().unwrap(), [Observed::Granted { record: written }]);
}

#[tokio::test]
async fn observer_hears_the_order_of_the_store_though_answers_overtake() {
    let inner = Arc::new(Faulty::new(Memory::new()));
    let (address, heard) = watched_over(Arc::clone(&inner) as Arc<dyn Store>).await;
    let store = Remote::new(address, LONG).unwrap();
    let mut first = initial();
    inner.init(&first).await.unwrap();
    inner.next(Call::Apply, Fault::SlowAnswer(Duration::from_millis(400)));
    let early = acquire(claim(Site::Laptop, 1), &first);
    first.version = early.version();
    let late = take_over(claim(Site::Cloud, 2), &first);
    let slow = tokio::spawn({
        let (store, early) = (store.clone(), early.clone());
        async move { store.apply(&early).await }
    });
    until(async || inner.read_board().await.unwrap().lease.unwrap().version == early.version()).await;
    let two = store.apply(&late).await.unwrap();
    let one = slow.await.unwrap().unwrap();
    assert_eq!(*heard.lock().unwrap(), [Observed::Granted { record: one }, Observed::Granted { record: two }]);
}
