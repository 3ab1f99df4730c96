//! What strangers send cannot grow, linger or flood.

use relais_host::http::{Client, Method};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::support::{LONG, NONCE, Running};

/// Sends raw bytes and reads until the server closes.
async fn exchange(site: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.public).await.unwrap();
    // The server may close before all is written: that is an outcome, not a fault.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_flood_is_answered_with_429_and_the_server_recovers() {
    let site = Running::start().await;
    let url = format!("http://{}/health?nonce={NONCE}", site.public);
    let mut seen = Vec::new();
    timeout(LONG, async {
        while !seen.contains(&429) {
            let mut asking = JoinSet::new();
            for _ in 0..60 {
                let url = url.clone();
                asking.spawn(async move { Client::new(LONG, 16 * 1024).get(&url).await });
            }
            // A connection beyond the limit is closed without a word: no status.
            seen.extend(asking.join_all().await.into_iter().flatten().map(|answer| answer.status.as_u16()));
        }
        while site.ask(NONCE).await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    assert!(seen.iter().all(|status| [200, 429].contains(status)), "{seen:?}");
}

#[tokio::test]
async fn an_oversize_head_is_refused() {
    let site = Running::start().await;
    let many = (0..100).fold(String::new(), |text, at| format!("{text}x-{at}: y\r\n"));
    let heads = [
        format!("GET /health?nonce={NONCE} HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(20_000)),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(20_000)),
        format!("GET /health?nonce={NONCE} HTTP/1.1\r\nhost: a\r\n{many}\r\n"),
    ];
    for head in heads {
        let answer = exchange(&site, head.as_bytes()).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused && !answer.contains("x-relais-signature"), "{answer}");
    }
    assert_eq!(site.report().await.0, 200);
}

#[tokio::test]
async fn a_body_is_refused_unread() {
    let site = Running::start().await;
    let head = format!("GET /health?nonce={NONCE} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n");
    assert!(exchange(&site, head.as_bytes()).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let site = Running::start().await;
    let answer = exchange(&site, b"GET /health?nonce=0123").await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn silent_connections_do_not_hold_the_server_for_long() {
    let site = Running::start().await;
    let mut silent = Vec::new();
    for _ in 0..80 {
        silent.push(TcpStream::connect(site.public).await.unwrap());
    }
    let url = format!("http://{}/health?nonce={NONCE}", site.public);
    timeout(LONG, async {
        while !Client::new(LONG, 16 * 1024).get(&url).await.is_ok_and(|answer| answer.status == 200) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
    drop(silent);
}

#[tokio::test]
async fn one_connection_is_one_answer() {
    let site = Running::start().await;
    let request = format!("GET /health?nonce={NONCE} HTTP/1.1\r\nhost: a\r\n\r\n");
    let answer = exchange(&site, request.repeat(3).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn other_methods_get_a_bare_405() {
    let site = Running::start().await;
    let client = Client::new(LONG, 1024);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
        let url = format!("http://{}/health?nonce={NONCE}", site.public);
        let answer = client.send(method, &url, &[], Vec::new().into()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (405, 0));
    }
}
