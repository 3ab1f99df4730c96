//! What a caller learns when the network fails, and that nothing is ever done twice by itself.

use std::sync::Arc;
use std::time::Duration;

use relais_failover::Site;
use relais_store::faulty::{Call, Fault};
use relais_store::{
    CommitError, Committed, Faulty, LeaseError, LeaseStore, Memory, Remote, StateStore, StoreError, served,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::builders::{acquire, claim, held, initial, put, renew, take_over, value, write};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn lost_answer_is_recognised_by_the_version_at_the_next_try() {
    let store = Faulty::new(Memory::new());
    let first = initial();
    store.init(&first).await.unwrap();
    let op = acquire(claim(Site::Laptop, 1), &first);
    store.next(Call::Apply, Fault::AnswerLost);
    assert_eq!(store.apply(&op).await, Err(LeaseError::Store(StoreError::Timeout)));
    let LeaseError::Refused(refusal) = store.apply(&op).await.unwrap_err() else { panic!("acquired twice") };
    assert!(op.is_mine(&refusal.current));
    assert_eq!(refusal.current.term.0, 1);
}

#[tokio::test]
async fn lost_request_of_a_lease_that_moved_on_is_not_mine() {
    let store = Faulty::new(Memory::new());
    let now = held(&store).await;
    let op = renew(now.fence().unwrap(), now.version);
    store.next(Call::Apply, Fault::RequestLost);
    assert_eq!(store.apply(&op).await, Err(LeaseError::Store(StoreError::Timeout)));
    store.inner().apply(&take_over(claim(Site::Cloud, 2), &now)).await.unwrap();
    let LeaseError::Refused(refusal) = store.apply(&op).await.unwrap_err() else { panic!("renewed a lost lease") };
    assert!(!op.is_mine(&refusal.current));
}

#[tokio::test]
async fn commit_whose_answer_was_lost_is_repeated_safely() {
    let store = Faulty::new(Memory::new());
    let now = held(&store).await;
    let tx = write(&now, "op", vec![put("a", 1)]);
    store.next(Call::Commit, Fault::AnswerLost);
    store.next(Call::Commit, Fault::RequestLost);
    for _ in 0..2 {
        assert_eq!(store.commit(&tx).await, Err(CommitError::Store(StoreError::Timeout)));
    }
    assert_eq!(store.commit(&tx).await.unwrap(), Committed::Repeated);
}

#[tokio::test]
async fn cut_store_is_unreachable_until_it_is_mended() {
    let store = Faulty::new(Memory::new());
    store.cut(true);
    let error = store.read_board().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }) && !error.is_ambiguous(), "{error}");
    store.cut(false);
    store.next(Call::ReadBoard, Fault::Slow(Duration::from_millis(1)));
    store.read_board().await.unwrap();
}

/// Serves `store` and puts a link before it that passes every request and swallows every answer.
async fn behind_a_link(store: Arc<Memory>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, served::router(store)).await });
    let link = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = link.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = link.accept().await {
            let far = TcpStream::connect(server).await.unwrap();
            tokio::spawn(async move {
                let ((mut requests, near), (far, mut server)) = (near.into_split(), far.into_split());
                let _ended = tokio::io::copy(&mut requests, &mut server).await;
                drop((near, far));
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_swallowed_by_the_link_is_a_timeout_and_the_write_is_there() {
    let inner = Arc::new(Memory::new());
    let now = held(&*inner).await;
    let client = Remote::new(behind_a_link(Arc::clone(&inner)).await, Duration::from_millis(300)).unwrap();
    let tx = write(&now, "op", vec![put("a", 1)]);
    assert_eq!(client.commit(&tx).await, Err(CommitError::Store(StoreError::Timeout)));
    let arrived = async {
        while value(&*inner, "a").await.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, arrived).await.unwrap();
    assert_eq!(inner.commit(&tx).await.unwrap(), Committed::Repeated);
}

#[tokio::test]
async fn peer_that_is_no_store_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new()).await });
    let error = Remote::new(address, LONG).unwrap().read_board().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("404"), "{error}");
}

#[tokio::test]
async fn connection_that_breaks_after_the_request_is_ambiguous() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _some = stream.read(&mut buffer).await;
        }
    });
    let error = Remote::new(address, LONG).unwrap().init(&initial()).await.unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
}
