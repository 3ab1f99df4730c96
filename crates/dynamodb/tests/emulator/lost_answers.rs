//! What a caller learns when the network between it and the table fails: through a link that is told what to do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use relais_dynamodb::Dynamo;
use relais_failover::Site;
use relais_store::{
    CommitError, Committed, EventLog as _, LeaseError, LeaseStore as _, StateStore as _, StoreError, Write,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::builders::{acquire, claim, event, held, initial, put, renew, take_over, value, write};
use crate::emulator::{LONG, client, endpoint, make_table};

const SHORT: Duration = Duration::from_millis(700);

/// A way to the emulator that passes every request and, while `deaf`, swallows the answers.
struct Link {
    address: SocketAddr,
    deaf: Arc<AtomicBool>,
}

impl Link {
    async fn new() -> Self {
        let far = endpoint().strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, deaf) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let swallows = Arc::clone(&deaf);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (far, swallows) = (TcpStream::connect(&far).await.unwrap(), Arc::clone(&swallows));
                let ((mut requests, mut back), (mut answers, mut server)) = (near.into_split(), far.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut requests, &mut server).await });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 16];
                    while let Ok(read @ 1..) = answers.read(&mut buffer).await {
                        if !swallows.load(Ordering::Relaxed) && back.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, deaf }
    }

    fn store(&self, table: &str, request_timeout: Duration) -> Dynamo {
        Dynamo::new(client(&format!("http://{}", self.address)), table, request_timeout)
    }

    fn swallow(&self, swallow: bool) {
        self.deaf.store(swallow, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquisition_whose_answer_was_lost_was_won() {
    let table = make_table().await;
    let link = Link::new().await;
    let far = link.store(&table, SHORT);
    let first = initial();
    far.init(&first).await.unwrap();
    far.read_board().await.unwrap();
    let op = acquire(claim(Site::Laptop, 1), &first);
    link.swallow(true);
    assert_eq!(far.apply(&op).await, Err(LeaseError::Store(StoreError::Timeout)));
    link.swallow(false);
    let near = Dynamo::new(client(&endpoint()), &table, LONG);
    wait_for(async || near.read_board().await.unwrap().lease.unwrap().holder.is_some()).await;
    let LeaseError::Refused(refusal) = far.apply(&op).await.unwrap_err() else { panic!("acquired twice") };
    assert!(op.is_mine(&refusal.current));
    assert_eq!((refusal.current.term.0, refusal.current.holder), (1, Some(claim(Site::Laptop, 1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_repeated_and_not_doubled() {
    let table = make_table().await;
    let link = Link::new().await;
    let far = link.store(&table, SHORT);
    let now = held(&far).await;
    let tx = write(&now, "op", vec![put("a", 1), Write::AppendEvent(event(1))]);
    far.recent(1).await.unwrap();
    link.swallow(true);
    let lost = write(&now, "first", vec![put("a", 0)]);
    assert_eq!(far.commit(&lost).await, Err(CommitError::Store(StoreError::Timeout)));
    link.swallow(false);
    let near = Dynamo::new(client(&endpoint()), &table, LONG);
    wait_for(async || value(&near, "a").await.is_some()).await;
    assert_eq!(far.commit(&lost).await.unwrap(), Committed::Repeated);
    assert_eq!(far.commit(&tx).await.unwrap(), Committed::Applied);
    assert_eq!((value(&near, "a").await, near.recent(9).await.unwrap()), (Some(1.into()), vec![event(1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_of_the_lease_that_is_old_neither_wins_nor_refuses_wrongly() {
    let table = make_table().await;
    let (one, two) = (Dynamo::new(client(&endpoint()), &table, LONG), Dynamo::new(client(&endpoint()), &table, LONG));
    let first = held(&one).await;
    let mut now = two.read_board().await.unwrap().lease.unwrap();
    assert_eq!(now, first);
    // `one` remembers `first`; the other renews three times, then `one` takes over what it is told of.
    for _ in 0..3 {
        now = two.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap();
    }
    let LeaseError::Refused(refusal) = one.apply(&take_over(claim(Site::Cloud, 2), &first)).await.unwrap_err() else {
        panic!("an old version was taken over")
    };
    assert_eq!(*refusal.current, now);
    for _ in 0..2 {
        now = two.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap();
    }
    let taken = one.apply(&take_over(claim(Site::Cloud, 2), &now)).await.unwrap();
    assert_eq!((taken.term.0, taken.holder), (2, Some(claim(Site::Cloud, 2))));
    let LeaseError::Refused(refusal) = two.apply(&renew(now.fence().unwrap(), now.version)).await.unwrap_err() else {
        panic!("a dead term was renewed")
    };
    assert_eq!(*refusal.current, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_append_to_the_history_at_once_lose_nothing() {
    let table = make_table().await;
    let one = Arc::new(Dynamo::new(client(&endpoint()), &table, LONG));
    let now = held(&*one).await;
    let two = Arc::new(Dynamo::new(client(&endpoint()), &table, LONG));
    let tasks: Vec<_> = (1..=12_u64)
        .map(|n| {
            let store = Arc::clone(if n.is_multiple_of(2) { &one } else { &two });
            let tx = write(&now, &format!("op-{n}"), vec![Write::AppendEvent(event(n))]);
            tokio::spawn(async move { store.commit(&tx).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Committed::Applied);
    }
    let mut terms: Vec<u64> = one.recent(100).await.unwrap().iter().map(|event| event.term.0).collect();
    terms.sort_unstable();
    assert_eq!(terms, (1..=12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named() {
    let nowhere = Dynamo::new(client("http://127.0.0.1:9"), "relais", LONG);
    let error = nowhere.read_board().await.unwrap_err();
    assert!(
        matches!(error, StoreError::Unreachable { .. }) && error.to_string().contains("dynamodb:relais"),
        "{error}"
    );
    let no_table = Dynamo::new(client(&endpoint()), "no-such-table", LONG);
    let error = no_table.init(&initial()).await.unwrap_err();
    assert!(error.to_string().contains("there is no such table"), "{error}");
}

async fn wait_for(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be");
}
