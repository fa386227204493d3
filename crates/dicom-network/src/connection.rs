//! A connection to a peer, with TLS or without.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::NetworkError;
use crate::tls::ClientTls;

/// With TLS or without.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

/// Connects to `address` (`host:port`) within `limit`, agreement on TLS included.
///
/// # Errors
/// Where nobody answers there, or not in time, and where the peer's certificate is not believed.
pub async fn connect(
    address: &str,
    tls: Option<&ClientTls>,
    limit: Duration,
) -> Result<Box<dyn Connection>, NetworkError> {
    timeout(limit, connect_without_limit(address, tls))
        .await
        .map_err(|_| NetworkError::Timeout)?
}

async fn connect_without_limit(
    address: &str,
    tls: Option<&ClientTls>,
) -> Result<Box<dyn Connection>, NetworkError> {
    let stream = TcpStream::connect(address).await.map_err(NetworkError::Connect)?;
    stream.set_nodelay(true)?;
    Ok(match tls {
        Some(tls) => Box::new(tls.connect(stream).await.map_err(NetworkError::Tls)?),
        None => Box::new(stream),
    })
}
