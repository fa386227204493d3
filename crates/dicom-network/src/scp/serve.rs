//! The listener.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::scp::commitment::CommitmentProvider;
use crate::scp::handshake::Handshake;
use crate::scp::options::{ScpLimits, ScpOptions};
use crate::scp::outcomes::OutcomeListener;
use crate::scp::services::Services;
use crate::scp::session::serve_association;
use crate::scp::steps::StepListener;
use crate::scp::waiting::{WaitingConnection, WaitingConnections};
use crate::sink::InstanceSink;
use crate::tls::Fingerprint;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A service class provider of Verification and Storage.
pub struct Scp {
    options: Arc<ScpOptions>,
    services: Services,
}

impl Scp {
    pub fn new(options: ScpOptions, sink: Arc<dyn InstanceSink>) -> Self {
        Self {
            options: Arc::new(options),
            services: Services {
                sink,
                commitment: None,
                outcomes: None,
                steps: None,
            },
        }
    }

    /// Of Storage Commitment (Push Model) too.
    #[must_use]
    pub fn with_commitment(mut self, provider: Arc<dyn CommitmentProvider>) -> Self {
        self.services.commitment = Some(provider);
        self
    }

    /// Is told by peers what they have stored, too.
    #[must_use]
    pub fn with_outcomes(mut self, listener: Arc<dyn OutcomeListener>) -> Self {
        self.services.outcomes = Some(listener);
        self
    }

    /// Of Modality Performed Procedure Step too.
    #[must_use]
    pub fn with_steps(mut self, listener: Arc<dyn StepListener>) -> Self {
        self.services.steps = Some(listener);
        self
    }

    /// Serves one peer over a stream that is there, without TLS, until it releases or something fails. `address`: where it is said
    /// to call from.
    pub async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, address: IpAddr) {
        let places = Arc::new(Semaphore::new(self.options.limits.associations));
        let peer = Peer {
            address,
            certificate: None,
        };
        let shutdown = CancellationToken::new();
        let alone = WaitingConnections::new(1).enter(address);
        serve_peer(
            &self.options,
            &self.services,
            (&places, alone),
            stream,
            peer,
            &shutdown,
        )
        .await;
    }

    /// Serves until `shutdown`; then lets messages under way finish.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.options.limits.associations));
        let [of_address, _] = ScpLimits::waiting_connections(self.options.limits.associations);
        let waiting = WaitingConnections::new(of_address);
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely too many open files: the next may succeed.
                    tracing::warn!(%error, "failed to accept a DICOM connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let address = peer.ip().to_canonical();
            let connection = waiting.enter(address);
            let (options, services) = (Arc::clone(&self.options), self.services.clone());
            let (places, shutdown) = (Arc::clone(&places), shutdown.clone());
            tasks.spawn(async move {
                let peer = (stream, address);
                serve_connection(options, services, (places, connection), peer, shutdown).await;
            });
        }
        drop(listener);
        let ending = async { while tasks.join_next().await.is_some() {} };
        if timeout(self.options.timeouts.shutdown, ending).await.is_err() {
            tasks.shutdown().await;
        }
    }
}

/// Who calls.
struct Peer {
    address: IpAddr,
    /// What it has shown by TLS.
    certificate: Option<Fingerprint>,
}

/// `(places, waiting)`: of associations, and the one of this connection while there is none.
async fn serve_peer<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    (places, waiting): (&Arc<Semaphore>, WaitingConnection),
    stream: S,
    peer: Peer,
    shutdown: &CancellationToken,
) {
    let handshake = Handshake::new(options, services, peer.address, peer.certificate);
    let accepted = waiting.unless_pushed_out(handshake.accept(stream, places)).await;
    drop(waiting);
    if let Some(accepted) = accepted.flatten() {
        serve_association(options, services, accepted, shutdown).await;
    }
}

async fn serve_connection(
    options: Arc<ScpOptions>,
    services: Services,
    (places, waiting): (Arc<Semaphore>, WaitingConnection),
    (stream, address): (TcpStream, IpAddr),
    shutdown: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = &options.tls else {
        let peer = Peer {
            address,
            certificate: None,
        };
        serve_peer(&options, &services, (&places, waiting), stream, peer, &shutdown).await;
        return;
    };
    let agreeing = waiting.unless_pushed_out(timeout(options.timeouts.request, tls.accept(stream)));
    match agreeing.await {
        Some(Ok(Ok((stream, certificate)))) => {
            let peer = Peer { address, certificate };
            serve_peer(&options, &services, (&places, waiting), stream, peer, &shutdown).await;
        }
        // A look at the port, as of a load balancer.
        Some(Ok(Err(error))) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Some(Ok(Err(error))) => tracing::warn!(%address, %error, "a DICOM peer did not agree on TLS"),
        Some(Err(_)) => tracing::warn!(%address, "a DICOM peer did not agree on TLS in time"),
        None => {}
    }
}
