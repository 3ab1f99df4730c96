//! A link does to a connection what its mode says, and nothing else.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use relais_world::links::{AfterCut, Link, LinkMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::patience::{CAP, eventually};

const ANYWHERE: &str = "127.0.0.1:0";
/// How long "nothing comes" is watched. Too short can only hide a fault, never make one up.
const QUIET: Duration = Duration::from_millis(150);

/// An upstream that sends everything back; ends when dropped.
struct Echo {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Echo {
    async fn open() -> Self {
        let listener = TcpListener::bind(ANYWHERE).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn opened() -> (Echo, Link) {
    let echo = Echo::open().await;
    let link = Link::open("test", ANYWHERE.parse().unwrap(), echo.address).await.unwrap();
    (echo, link)
}

async fn dial(link: &Link) -> TcpStream {
    TcpStream::connect(link.address()).await.unwrap()
}

/// Sends `text` and reads it back.
async fn ask(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    heard(stream, text.len()).await
}

async fn heard(stream: &mut TcpStream, length: usize) -> std::io::Result<Vec<u8>> {
    let mut answer = vec![0; length];
    timeout(CAP, stream.read_exact(&mut answer)).await.expect("no answer came")?;
    Ok(answer)
}

async fn nothing_comes(stream: &mut TcpStream) {
    let mut one = [0];
    assert!(timeout(QUIET, stream.read(&mut one)).await.is_err(), "something came: {one:?}");
}

async fn is_reset(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let end = timeout(CAP, stream.read_to_end(&mut rest)).await.expect("the connection stands");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_open_link_carries_both_directions_and_counts() {
    let (_echo, link) = opened().await;
    let mut stream = dial(&link).await;
    assert_eq!(ask(&mut stream, b"hello").await.unwrap(), b"hello");
    let big: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let (mut read, mut write) = stream.into_split();
    let sent = big.clone();
    let sender = tokio::spawn(async move {
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut back = Vec::new();
    timeout(CAP, read.read_to_end(&mut back)).await.unwrap().unwrap();
    sender.await.unwrap();
    assert!(back == big, "the bytes differ");
    eventually("the connection is over", || link.counts().standing == 0).await;
    let counts = link.counts();
    assert_eq!((counts.connections, counts.reset, counts.dropped), (1, 0, 0));
    assert_eq!((counts.to_upstream, counts.to_client), (3_000_005, 3_000_005));
}

#[tokio::test]
async fn the_upstream_sees_the_address_of_the_link() {
    let upstream = TcpListener::bind(ANYWHERE).await.unwrap();
    let link = Link::open("site", "127.99.0.7:0".parse().unwrap(), upstream.local_addr().unwrap()).await.unwrap();
    let _client = dial(&link).await;
    let (_stream, peer) = timeout(CAP, upstream.accept()).await.unwrap().unwrap();
    assert_eq!(peer.ip(), link.address().ip());
}

#[tokio::test]
async fn a_link_to_nobody_resets_and_works_once_somebody_is_there() {
    let free = TcpListener::bind(ANYWHERE).await.unwrap().local_addr().unwrap();
    let link = Link::open("test", ANYWHERE.parse().unwrap(), free).await.unwrap();
    is_reset(&mut dial(&link).await).await;
    let upstream = TcpListener::bind(free).await.unwrap();
    let _client = dial(&link).await;
    timeout(CAP, upstream.accept()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_link_drops_what_stands_and_takes_nothing_until_it_opens() {
    let (_echo, link) = opened().await;
    let mut old = dial(&link).await;
    ask(&mut old, b"x").await.unwrap();
    link.set(LinkMode::Refused).await.unwrap();
    is_reset(&mut old).await;
    assert_eq!(TcpStream::connect(link.address()).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    link.set(LinkMode::Open).await.unwrap();
    assert_eq!(ask(&mut dial(&link).await, b"back").await.unwrap(), b"back");
}

#[tokio::test]
async fn a_port_that_somebody_took_meanwhile_is_an_error() {
    let (_echo, link) = opened().await;
    link.set(LinkMode::Refused).await.unwrap();
    let _thief = TcpListener::bind(link.address()).await.unwrap();
    assert!(link.set(LinkMode::Open).await.unwrap_err().to_string().starts_with("open the link test at "));
}

#[tokio::test]
async fn a_cut_cable_passes_nothing_and_old_connections_are_reset_when_it_is_whole_again() {
    let (_echo, link) = opened().await;
    let mut old = dial(&link).await;
    ask(&mut old, b"x").await.unwrap();
    link.set(LinkMode::Blackhole).await.unwrap();
    let before = link.counts();
    old.write_all(b"into the dark").await.unwrap();
    let mut new = dial(&link).await;
    new.write_all(b"me too").await.unwrap();
    nothing_comes(&mut old).await;
    nothing_comes(&mut new).await;
    assert_eq!((link.counts().to_upstream, link.counts().to_client), (before.to_upstream, before.to_client));
    link.set(LinkMode::Open).await.unwrap();
    is_reset(&mut old).await;
    is_reset(&mut new).await;
    assert_eq!(ask(&mut dial(&link).await, b"fresh").await.unwrap(), b"fresh");
}

#[tokio::test]
async fn a_short_cut_delivers_late_what_was_held_when_told_to_resume() {
    let (_echo, link) = opened().await;
    link.after_cut(AfterCut::Resume);
    let mut old = dial(&link).await;
    ask(&mut old, b"x").await.unwrap();
    link.set(LinkMode::Blackhole).await.unwrap();
    old.write_all(b"later").await.unwrap();
    let mut new = dial(&link).await;
    new.write_all(b"new").await.unwrap();
    nothing_comes(&mut old).await;
    nothing_comes(&mut new).await;
    link.set(LinkMode::Open).await.unwrap();
    assert_eq!(heard(&mut old, 5).await.unwrap(), b"later");
    assert_eq!(heard(&mut new, 3).await.unwrap(), b"new");
    assert_eq!(link.counts().reset, 0);
}

#[tokio::test]
async fn a_cut_cable_does_not_tell_one_end_that_the_other_is_gone() {
    let upstream = TcpListener::bind(ANYWHERE).await.unwrap();
    let link = Link::open("test", ANYWHERE.parse().unwrap(), upstream.local_addr().unwrap()).await.unwrap();
    let client = dial(&link).await;
    let (mut far, _) = timeout(CAP, upstream.accept()).await.unwrap().unwrap();
    link.set(LinkMode::Blackhole).await.unwrap();
    client.set_zero_linger().unwrap();
    drop(client);
    nothing_comes(&mut far).await;
    link.set(LinkMode::Open).await.unwrap();
    is_reset(&mut far).await;
}

#[tokio::test]
async fn a_slow_link_delays_each_direction_and_keeps_the_order() {
    let (_echo, link) = opened().await;
    let mut stream = dial(&link).await;
    ask(&mut stream, b"x").await.unwrap();
    let delay = Duration::from_millis(120);
    link.set(LinkMode::Slow(delay)).await.unwrap();
    let began = Instant::now();
    for part in [b"one", b"two", b"six"] {
        stream.write_all(part).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(heard(&mut stream, 9).await.unwrap(), b"onetwosix");
    assert!(began.elapsed() >= delay * 2, "the answer came too early");
    link.set(LinkMode::Open).await.unwrap();
    assert_eq!(ask(&mut stream, b"fast").await.unwrap(), b"fast");
}

#[tokio::test]
async fn a_link_that_loses_answers_still_delivers_the_questions() {
    let upstream = TcpListener::bind(ANYWHERE).await.unwrap();
    let link = Link::open("test", ANYWHERE.parse().unwrap(), upstream.local_addr().unwrap()).await.unwrap();
    link.set(LinkMode::LoseAnswers).await.unwrap();
    let mut client = dial(&link).await;
    client.write_all(b"write this").await.unwrap();
    let (mut far, _) = timeout(CAP, upstream.accept()).await.unwrap().unwrap();
    assert_eq!(heard(&mut far, 10).await.unwrap(), b"write this");
    far.write_all(b"written").await.unwrap();
    drop(far);
    eventually("the answer is dropped", || link.counts().dropped == 7).await;
    nothing_comes(&mut client).await;
    link.set(LinkMode::Open).await.unwrap();
    is_reset(&mut client).await;
}

#[tokio::test]
async fn a_counted_loss_hits_that_many_connections_and_then_passes() {
    let (_echo, link) = opened().await;
    let mut pooled = dial(&link).await;
    ask(&mut pooled, b"x").await.unwrap();
    link.set(LinkMode::LoseAnswersOnce(2)).await.unwrap();
    pooled.write_all(b"lost").await.unwrap();
    eventually("the first is lost", || link.mode() == LinkMode::LoseAnswersOnce(1)).await;
    let mut second = dial(&link).await;
    second.write_all(b"lost").await.unwrap();
    eventually("the second is lost", || link.mode() == LinkMode::Open).await;
    assert_eq!(ask(&mut dial(&link).await, b"third").await.unwrap(), b"third");
    // A stream with a hole in it stays silent, and ends when its client gives up on it.
    pooled.write_all(b"again").await.unwrap();
    nothing_comes(&mut pooled).await;
    nothing_comes(&mut second).await;
    drop((pooled, second));
    eventually("all are over", || link.counts().standing == 0).await;
    assert_eq!((link.counts().dropped, link.counts().reset), (13, 0));
}

#[tokio::test]
async fn a_websocket_lives_through_slowness_and_a_short_cut_and_dies_by_a_long_one() {
    let upstream = TcpListener::bind(ANYWHERE).await.unwrap();
    let link = Link::open("gateway", ANYWHERE.parse().unwrap(), upstream.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = upstream.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}", link.address())).await.unwrap();
    link.after_cut(AfterCut::Resume);
    let modes = [LinkMode::Open, LinkMode::Slow(Duration::from_millis(30)), LinkMode::Blackhole, LinkMode::Open];
    for (number, mode) in modes.into_iter().enumerate() {
        link.set(mode).await.unwrap();
        socket.send(Message::text(number.to_string())).await.unwrap();
        if mode == LinkMode::Blackhole {
            assert!(timeout(QUIET, socket.next()).await.is_err());
            continue;
        }
    }
    for number in 0..modes.len() {
        let echoed = timeout(CAP, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(echoed, Message::text(number.to_string()));
    }
    link.after_cut(AfterCut::Reset);
    link.set(LinkMode::Blackhole).await.unwrap();
    link.set(LinkMode::Open).await.unwrap();
    assert!(timeout(CAP, socket.next()).await.unwrap().is_none_or(|message| message.is_err()));
    timeout(CAP, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_link_leaves_no_port_and_no_connection() {
    let (echo, link) = opened().await;
    let address = link.address();
    let mut stream = dial(&link).await;
    ask(&mut stream, b"x").await.unwrap();
    link.close().await;
    assert!(TcpStream::connect(address).await.is_err());
    let mut rest = Vec::new();
    let _ = timeout(CAP, stream.read_to_end(&mut rest)).await.expect("the connection stands");
    let again = Link::open("again", address, echo.address).await.unwrap();
    drop(again);
    let deadline = Instant::now() + CAP;
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "a dropped link still listens");
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_the_link() {
    let taken = TcpListener::bind(ANYWHERE).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Link::open("store", address, address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("open the link store at {address}"));
}
