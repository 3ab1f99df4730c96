//! The public socket: how many connections, how large a head, how long. Strangers reach this port, so nothing here grows
//! with what they send.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What one caller and all callers together may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once; one more is closed without a word.
    pub connections: usize,
    /// Bytes of request line and headers.
    pub head_bytes: usize,
    /// Number of headers.
    pub headers: usize,
    /// From the connection to the end of the headers.
    pub head_time: Duration,
    /// From the connection to the last byte of the answer.
    pub total_time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            head_bytes: 8 * 1024,
            headers: 48,
            head_time: Duration::from_secs(2),
            total_time: Duration::from_secs(5),
        }
    }
}

/// Serves until `stop`, then lets the answers in flight finish (at most `total_time`).
///
/// # Errors
/// The listening socket itself fails.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(bounds.connections));
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            metrics::counter!("health_connections_shed_total").increment(1);
            continue;
        };
        let router = router.clone();
        tracker.spawn(async move {
            connection(stream, router, bounds).await;
            drop(permit);
        });
    }
    tracker.close();
    if tokio::time::timeout(bounds.total_time, tracker.wait()).await.is_err() {
        tracing::warn!("answers in flight were cut");
    }
    Ok(())
}

async fn connection(stream: TcpStream, router: Router, bounds: Bounds) {
    // One answer a connection: the prober opens a new one each time, and an idle one would only hold its place.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_time)
        .keep_alive(false)
        .max_buf_size(bounds.head_bytes)
        .max_headers(bounds.headers)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(bounds.total_time, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "connection ended early"),
        Err(_) => {
            metrics::counter!("health_connections_cut_total").increment(1);
            tracing::debug!("connection cut");
        }
    }
}

/// Failures of one connection or of a moment's shortage (ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM): accept(2).
fn is_passing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let passing =
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::CONNABORTED, Errno::INTR, Errno::PROTO];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}
