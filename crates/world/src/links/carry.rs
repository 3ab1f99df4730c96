//! One connection over a link: two directions, each a reader and a writer with the delay between them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::{LinkMode, Shared, Wanted};

const CHUNK: usize = 16 * 1024;
/// How many chunks a slow direction holds before its sender must wait.
const IN_FLIGHT: usize = 256;

enum End {
    /// Both streams ended.
    Over,
    /// One end broke off; the other is told so.
    Broken,
    /// The link must reset it.
    Reset,
}

/// Carries one connection, taken under `born`, until it ends, breaks, or the link resets it.
pub(super) async fn carry(shared: Arc<Shared>, mut client: TcpStream, source: IpAddr, born: Wanted) {
    let _standing = Standing::count(&shared);
    let deaf = Deaf::default();
    let mut upstream = None;
    let end = tokio::select! {
        biased;
        () = doomed(shared.wanted.subscribe(), born, &deaf) => End::Reset,
        end = through(&shared, &mut client, &mut upstream, source, &deaf) => end,
    };
    match end {
        End::Over => return,
        End::Broken => {}
        End::Reset => {
            shared.counts.reset.fetch_add(1, Ordering::Relaxed);
        }
    }
    for stream in [Some(client), upstream].into_iter().flatten() {
        // Fails only on a socket that is gone already.
        let _ = stream.set_zero_linger();
    }
}

async fn through(
    shared: &Shared,
    client: &mut TcpStream,
    upstream: &mut Option<TcpStream>,
    source: IpAddr,
    deaf: &Deaf,
) -> End {
    passable(&mut shared.wanted.subscribe()).await;
    let upstream = match connect(source, shared.upstream).await {
        Ok(stream) => upstream.insert(stream),
        Err(error) => {
            tracing::debug!(link = %shared.name, %error, "link found nobody upstream");
            return End::Reset;
        }
    };
    // Neither end may wait for the other's delayed acknowledgement: the link itself must add no delay.
    let _ = client.set_nodelay(true);
    let _ = upstream.set_nodelay(true);
    let (client_read, client_write) = client.split();
    let (upstream_read, upstream_write) = upstream.split();
    let (ahead, ahead_out) = mpsc::channel(IN_FLIGHT);
    let (back, back_out) = mpsc::channel(IN_FLIGHT);
    let counts = &shared.counts;
    let forth = async {
        tokio::try_join!(
            read(shared, client_read, ahead, None),
            write(shared, upstream_write, ahead_out, &counts.to_upstream)
        )?;
        // A client that ends its side of a deaf connection has given up on it.
        if deaf.since().is_some() { Err(Broken) } else { Ok(()) }
    };
    let answers = async {
        tokio::try_join!(
            read(shared, upstream_read, back, Some(deaf)),
            write(shared, client_write, back_out, &counts.to_client)
        )
    };
    // An error in one direction ends the other.
    match tokio::try_join!(forth, answers) {
        Ok(_) => End::Over,
        Err(Broken) => End::Broken,
    }
}

/// The connection cannot go on.
struct Broken;

struct Parcel {
    due: Instant,
    bytes: Bytes,
}

/// Reads one direction into `parcels` until its end. `deaf` is there for the direction of the answers.
async fn read(
    shared: &Shared,
    mut from: impl AsyncReadExt + Unpin,
    parcels: mpsc::Sender<Parcel>,
    deaf: Option<&Deaf>,
) -> Result<(), Broken> {
    let mut wanted = shared.wanted.subscribe();
    let mut buffer = vec![0; CHUNK];
    loop {
        passable(&mut wanted).await;
        let read = from.read(&mut buffer).await;
        if let Some(deaf) = deaf
            && (deaf.since().is_some() || loses(shared, deaf))
        {
            match read {
                Ok(0) | Err(_) => std::future::pending::<()>().await,
                Ok(length) => {
                    shared.counts.dropped.fetch_add(length as u64, Ordering::Relaxed);
                }
            };
            continue;
        }
        let Ok(length) = read else {
            // A cut cable does not tell the other end that this one is gone.
            passable(&mut wanted).await;
            return Err(Broken);
        };
        if length == 0 {
            return Ok(());
        }
        let due = Instant::now() + delay(wanted.borrow().mode);
        let parcel = Parcel { due, bytes: Bytes::copy_from_slice(&buffer[..length]) };
        parcels.send(parcel).await.map_err(|_| Broken)?;
    }
}

/// Writes one direction's parcels when they are due, then its end.
async fn write(
    shared: &Shared,
    mut to: impl AsyncWriteExt + Unpin,
    mut parcels: mpsc::Receiver<Parcel>,
    count: &AtomicU64,
) -> Result<(), Broken> {
    let mut wanted = shared.wanted.subscribe();
    while let Some(Parcel { due, bytes }) = parcels.recv().await {
        tokio::time::sleep_until(due).await;
        passable(&mut wanted).await;
        to.write_all(&bytes).await.map_err(|_| Broken)?;
        count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
    let late = delay(wanted.borrow().mode);
    tokio::time::sleep(late).await;
    passable(&mut wanted).await;
    to.shutdown().await.map_err(|_| Broken)
}

/// The upstream tells its links apart by the address they come from.
async fn connect(source: IpAddr, upstream: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if upstream.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if leads_to(source, upstream.ip()) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(upstream).await
}

/// Whether a connection to `upstream` can come from `source`: from loopback no way leads elsewhere.
const fn leads_to(source: IpAddr, upstream: IpAddr) -> bool {
    source.is_ipv4() == upstream.is_ipv4() && (upstream.is_loopback() || !source.is_loopback())
}

/// Returns at once unless the cable is cut, then when it is whole again.
async fn passable(wanted: &mut watch::Receiver<Wanted>) {
    if wanted.wait_for(|wanted| wanted.mode != LinkMode::Blackhole).await.is_err() {
        // The link is gone, and this task goes with it.
        std::future::pending().await
    }
}

/// Returns when the link must reset a connection that began under `born`.
async fn doomed(mut wanted: watch::Receiver<Wanted>, born: Wanted, deaf: &Deaf) {
    let over = |now: &Wanted| now.resets != born.resets || deaf.since().is_some_and(|amends| amends != now.amends);
    if wanted.wait_for(over).await.is_err() {
        std::future::pending().await
    }
}

/// Whether the answer that just came must be lost, which makes its connection deaf; takes one from the count of a
/// [`LinkMode::LoseAnswersOnce`].
fn loses(shared: &Shared, deaf: &Deaf) -> bool {
    shared.wanted.send_if_modified(|wanted| {
        let left = match wanted.mode {
            LinkMode::Open | LinkMode::Refused | LinkMode::Blackhole | LinkMode::Slow(_) => return false,
            LinkMode::LoseAnswers => LinkMode::LoseAnswers,
            LinkMode::LoseAnswersOnce(0 | 1) => LinkMode::Open,
            LinkMode::LoseAnswersOnce(left) => LinkMode::LoseAnswersOnce(left - 1),
        };
        wanted.mode = left;
        deaf.0.store(wanted.amends + 1, Ordering::Relaxed);
        true
    });
    deaf.since().is_some()
}

/// Whether a connection has lost bytes, and how many amends there had been by then; 0 is never.
#[derive(Default)]
struct Deaf(AtomicU64);

impl Deaf {
    fn since(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }
}

fn delay(mode: LinkMode) -> Duration {
    match mode {
        LinkMode::Slow(delay) => delay,
        LinkMode::Open
        | LinkMode::Refused
        | LinkMode::Blackhole
        | LinkMode::LoseAnswers
        | LinkMode::LoseAnswersOnce(_) => Duration::ZERO,
    }
}

/// Keeps the count of standing connections, also when the task is aborted.
struct Standing<'a>(&'a AtomicU64);

impl<'a> Standing<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.counts.standing.fetch_add(1, Ordering::Relaxed);
        Self(&shared.counts.standing)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_comes_from_where_it_listens_if_a_way_leads_from_there() {
        let leads = |source: &str, upstream: &str| leads_to(source.parse().unwrap(), upstream.parse().unwrap());
        assert!(
            leads("127.64.1.41", "127.64.1.2")
                && leads("10.99.1.253", "127.64.1.10")
                && leads("10.99.1.1", "10.43.0.80")
        );
        assert!(!leads("127.64.1.42", "10.99.1.1") && !leads("127.0.0.1", "::1"));
    }
}
