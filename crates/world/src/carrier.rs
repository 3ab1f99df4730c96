//! A plain carrier of TCP connections, for where two networks meet: what a pod needs to find a store on its own machine, and
//! what Funnel is to a machine in a rehearsal. A [`Link`](crate::links::Link) can also be cut; this only carries.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Carries every connection to `upstream` until `stop`; the caller owns the socket and the stop. A connection whose upstream
/// is not there is closed.
pub async fn carry(listener: TcpListener, upstream: SocketAddr, stop: CancellationToken) {
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            taken = listener.accept() => match taken {
                Ok((client, _)) => {
                    carried.spawn(through(client, upstream));
                }
                Err(error) => {
                    tracing::warn!(%error, "carrier cannot accept");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
            Some(_) = carried.join_next(), if !carried.is_empty() => {}
        }
    }
}

async fn through(mut client: TcpStream, upstream: SocketAddr) {
    let carried = async {
        let mut upstream = TcpStream::connect(upstream).await?;
        client.set_nodelay(true)?;
        upstream.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut client, &mut upstream).await
    };
    if let Err(error) = carried.await {
        tracing::debug!(%upstream, %error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_goes_in_comes_out_and_an_upstream_that_is_gone_closes() {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (there, at) = (upstream.local_addr().unwrap(), here.local_addr().unwrap());
        let stop = CancellationToken::new();
        let carrier = tokio::spawn(carry(here, there, stop.clone()));
        let mut client = TcpStream::connect(at).await.unwrap();
        let (mut taken, _) = upstream.accept().await.unwrap();
        client.write_all(b"ask").await.unwrap();
        let mut heard = [0; 3];
        taken.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"ask");
        taken.write_all(b"answer").await.unwrap();
        drop((taken, upstream));
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"answer");
        let mut late = TcpStream::connect(at).await.unwrap();
        assert_eq!(late.read(&mut heard).await.unwrap_or(0), 0);
        stop.cancel();
        carrier.await.unwrap();
    }
}
