//! A link: one TCP path of the rehearsal that can be cut, slowed, refused, or made to lose answers while it runs.
//!
//! Bytes are carried, never read: a link knows nothing of HTTP or WebSocket. Deliberately absent: loss and reordering
//! of packets (TCP hides them), limits of bandwidth, UDP, TLS.

mod carry;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a link does with what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkMode {
    /// Everything passes.
    #[default]
    Open,
    /// Nobody listens: new connections are refused, existing ones were reset.
    Refused,
    /// The cable is cut: connections are taken and held, no byte and no end of a stream passes in either direction.
    Blackhole,
    /// Everything passes this much later, in each direction.
    Slow(Duration),
    /// What the client sends arrives; what the upstream answers is thrown away, its end of the stream included.
    LoseAnswers,
    /// The next this many connections that carry an answer lose it and all that follows on them; others pass. A
    /// connection between two requests counts, so a request on a pooled connection can lose its answer too.
    LoseAnswersOnce(u32),
}

/// What becomes of the connections that stood through a [`LinkMode::Blackhole`] when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterCut {
    /// They are reset, as if TCP had given up meanwhile.
    #[default]
    Reset,
    /// They go on, and what was held is delivered: a cut shorter than TCP's patience.
    Resume,
}

/// What a link has carried since it was opened. Bytes count when they are handed over, or thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    /// Connections taken.
    pub connections: u64,
    /// Connections that stand now.
    pub standing: u64,
    /// Connections the link itself reset.
    pub reset: u64,
    /// Bytes from the client that reached the upstream.
    pub to_upstream: u64,
    /// Bytes from the upstream that reached the client.
    pub to_client: u64,
    /// Bytes of answers thrown away.
    pub dropped: u64,
}

/// A TCP proxy from a listening address to an upstream, with a switch. Dropping it closes the port and every
/// connection; [`Link::close`] also waits until that has happened.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
    listen: SocketAddr,
    keeper: JoinHandle<()>,
}

/// What the link's tasks share.
#[derive(Debug)]
struct Shared {
    name: String,
    upstream: SocketAddr,
    wanted: watch::Sender<Wanted>,
    settled: watch::Sender<u64>,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    mode: LinkMode,
    after_cut: AfterCut,
    /// Counts the switches.
    switches: u64,
    /// Grows when all standing connections must end.
    resets: u64,
    /// Grows when the connections that have lost bytes must end: a stream with a hole in it cannot go on.
    amends: u64,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    standing: AtomicU64,
    reset: AtomicU64,
    to_upstream: AtomicU64,
    to_client: AtomicU64,
    dropped: AtomicU64,
}

impl Link {
    /// Opens a link that listens at `listen` and carries to `upstream`, in [`LinkMode::Open`]. The upstream need not
    /// be there yet, and sees the IP address of `listen` as its peer, so it can tell its links apart.
    ///
    /// # Errors
    /// [`LinkError::Listen`] if the address cannot be listened on.
    pub async fn open(name: impl Into<String>, listen: SocketAddr, upstream: SocketAddr) -> Result<Self, LinkError> {
        let name = name.into();
        let listen_failed = |cause| LinkError::Listen { name: name.clone(), address: listen, cause };
        let listener = TcpListener::bind(listen).await.map_err(listen_failed)?;
        let listen = listener.local_addr().map_err(listen_failed)?;
        let shared = Arc::new(Shared {
            name,
            upstream,
            wanted: watch::Sender::new(Wanted::default()),
            settled: watch::Sender::new(0),
            counts: Counts::default(),
        });
        let keeper = tokio::spawn(keep(Arc::clone(&shared), listen, listener));
        Ok(Self { shared, listen, keeper })
    }

    /// The name it was opened with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens; the port is the real one if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// The mode now. [`LinkMode::LoseAnswersOnce`] counts down and becomes [`LinkMode::Open`] by itself.
    #[must_use]
    pub fn mode(&self) -> LinkMode {
        self.shared.wanted.borrow().mode
    }

    /// What it has carried.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        let counts = &self.shared.counts;
        LinkCounts {
            connections: counts.connections.load(Ordering::Relaxed),
            standing: counts.standing.load(Ordering::Relaxed),
            reset: counts.reset.load(Ordering::Relaxed),
            to_upstream: counts.to_upstream.load(Ordering::Relaxed),
            to_client: counts.to_client.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
        }
    }

    /// Decides what becomes of stalled connections at the end of the present or the next cut.
    pub fn after_cut(&self, after_cut: AfterCut) {
        self.shared.wanted.send_modify(|wanted| wanted.after_cut = after_cut);
    }

    /// Switches the mode; on return the port is closed, or open, as the new mode has it. Connections that have lost
    /// bytes are reset by every switch except one to [`LinkMode::LoseAnswers`].
    ///
    /// # Errors
    /// [`LinkError::Listen`] if the link must listen again and somebody took its port meanwhile.
    pub async fn set(&self, mode: LinkMode) -> Result<(), LinkError> {
        let mut number = 0;
        self.shared.wanted.send_modify(|wanted| {
            let cut_ends = wanted.mode == LinkMode::Blackhole && mode != LinkMode::Blackhole;
            if mode == LinkMode::Refused || (cut_ends && wanted.after_cut == AfterCut::Reset) {
                wanted.resets += 1;
            }
            if !matches!(mode, LinkMode::LoseAnswers) {
                wanted.amends += 1;
            }
            wanted.mode = if mode == LinkMode::LoseAnswersOnce(0) { LinkMode::Open } else { mode };
            wanted.switches += 1;
            number = wanted.switches;
        });
        tracing::debug!(link = %self.shared.name, ?mode, "link switched");
        let mut settled = self.shared.settled.subscribe();
        let done = settled.wait_for(|settled| *settled >= number);
        match tokio::time::timeout(Duration::from_secs(5), done).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(LinkError::Listen {
                name: self.shared.name.clone(),
                address: self.listen,
                cause: io::Error::from(io::ErrorKind::AddrInUse),
            }),
        }
    }

    /// Closes the port and every connection, and returns when they are closed.
    pub async fn close(mut self) {
        self.keeper.abort();
        if let Err(error) = (&mut self.keeper).await
            && error.is_panic()
        {
            tracing::error!(link = %self.shared.name, %error, "link keeper broke");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Owns the listener and, through the set, every connection: when this ends, all of them end.
async fn keep(shared: Arc<Shared>, listen: SocketAddr, listener: TcpListener) {
    const AGAIN: Duration = Duration::from_millis(20);
    let mut wanted = shared.wanted.subscribe();
    let mut listener = Some(listener);
    let mut carried = JoinSet::new();
    loop {
        let now = *wanted.borrow_and_update();
        if now.mode == LinkMode::Refused {
            listener = None;
        } else if listener.is_none() {
            match TcpListener::bind(listen).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => {
                    tracing::debug!(link = %shared.name, %error, "link cannot listen yet");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            }
        }
        shared.settled.send_replace(now.switches);
        tokio::select! {
            _ = wanted.changed() => {}
            taken = accept(listener.as_ref()) => match taken {
                Ok(client) => {
                    shared.counts.connections.fetch_add(1, Ordering::Relaxed);
                    carried.spawn(carry::carry(Arc::clone(&shared), client, listen.ip(), now));
                }
                Err(error) => {
                    tracing::debug!(link = %shared.name, %error, "link cannot accept");
                    tokio::time::sleep(AGAIN).await;
                }
            },
            Some(_) = carried.join_next(), if !carried.is_empty() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

/// Why a link cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Its port cannot be listened on.
    #[error("open the link {name} at {address}")]
    Listen {
        /// The link.
        name: String,
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}
