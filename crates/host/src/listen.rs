//! Sockets to listen on, with an error that says which port and why.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

/// Why a socket could not be opened. Always exit code 1: the setting may be right and another process in the way.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process listens there.
    #[error("listen on {0}: the port is taken by another process")]
    Taken(SocketAddr),
    /// The address is not one of this machine's, or the port needs a privilege.
    #[error("listen on {address}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens a listening socket (port 0 = any free port; ask `local_addr`).
///
/// # Errors
/// [`ListenError`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken(address),
        _ => ListenError::Refused { address, source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn taken_port_is_said_to_be_taken() {
        let first = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("listen on {address}: the port is taken by another process"));
    }

    #[tokio::test]
    async fn foreign_address_is_refused() {
        let error = bind(([192, 0, 2, 1], 0).into()).await.unwrap_err();
        assert!(matches!(error, ListenError::Refused { .. }));
    }
}
