//! Messages sent over MLLP, with TLS or without.

use std::time::Duration;

use norma_database::DatabaseError;
use norma_result_messages::{
    AccessionField, Acknowledgement, OruOptions, Told, frame, oru_r01, read_acknowledgement,
};
use norma_service::{AccessionNumberField, Hl7Settings};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::deliveries::failure::{Failure, FailureKind};
use crate::network_peer::NetworkPeer;

/// TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Of an acknowledgement.
const ANSWER_BYTES: usize = 64 << 10;
/// Ends what is acknowledged.
const END: u8 = 0x1C;

/// Who reads HL7 v2.
#[derive(Debug, Clone)]
pub(super) struct Hl7Receiver {
    peer: NetworkPeer,
    options: OruOptions,
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

impl Hl7Receiver {
    pub(super) fn new(peer: NetworkPeer, settings: &Hl7Settings) -> Self {
        let Hl7Settings {
            sending_application,
            sending_facility,
            receiving_application,
            receiving_facility,
            procedure_code,
            procedure_text,
            procedure_coding_system,
            accession_number,
        } = settings.clone();
        Self {
            peer,
            options: OruOptions {
                sending_application,
                sending_facility,
                receiving_application,
                receiving_facility,
                procedure: [procedure_code, procedure_text, procedure_coding_system],
                accession_field: match accession_number {
                    AccessionNumberField::FillerOrderNumber => AccessionField::FillerOrderNumber,
                    AccessionNumberField::PlacerOrderNumber => AccessionField::PlacerOrderNumber,
                    AccessionNumberField::PlacerField1 => AccessionField::PlacerField1,
                },
            },
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.peer.address
    }

    /// Sends an answer. Ends well once the receiver has acknowledged it. `before`: once there is a connection, before anything leaves.
    pub(super) async fn send(
        &self,
        told: &Told<'_>,
        before: impl Future<Output = Result<(), DatabaseError>>,
    ) -> Result<(), Failure> {
        let message = oru_r01(told, &self.options);
        let connected = timeout(CONNECT_TIMEOUT, self.connect()).await;
        let mut stream = connected.unwrap_or_else(|_| Err(silent()))?;
        before.await?;
        let answer = timeout(ANSWER_TIMEOUT, exchange(&mut stream, &frame(&message))).await;
        let answer = answer.unwrap_or_else(|_| Err(silent()))?;
        let refused = |code, status: &str, kind| {
            Err(Failure::of_peer(
                code,
                Some(status.to_owned()),
                kind,
                "the receiver answered so",
            ))
        };
        match read_acknowledgement(&message, &answer) {
            Ok(Acknowledgement::Accepted) => Ok(()),
            Ok(Acknowledgement::Error) => refused("peer_failed", "AE", FailureKind::Passing),
            Ok(Acknowledgement::Rejected) => refused("refused_by_peer", "AR", FailureKind::Final),
            Err(error) => Err(Failure::passing("peer_failed", &error.to_string())),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, Failure> {
        let failed = |code, detail| Failure::of_peer(code, None, FailureKind::Connection, detail);
        let stream = TcpStream::connect(&self.peer.address)
            .await
            .map_err(|_| failed("peer_unreachable", "no connection"))?;
        Ok(match &self.peer.tls {
            None => Box::new(stream),
            Some(tls) => {
                let stream = tls.connect(stream).await;
                Box::new(stream.map_err(|_| failed("tls_failed", "no agreement on TLS"))?)
            }
        })
    }
}

fn silent() -> Failure {
    Failure::of_peer("peer_silent", None, FailureKind::Connection, "no answer in time")
}

/// Writes a message; reads what comes up to its end.
async fn exchange(stream: &mut Box<dyn Connection>, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let lost = |_| {
        Failure::of_peer(
            "connection_lost",
            None,
            FailureKind::Connection,
            "the connection failed",
        )
    };
    stream.write_all(message).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.contains(&END) && answer.len() < ANSWER_BYTES {
        let length = stream.read(&mut chunk).await.map_err(lost)?;
        if length == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..length]);
    }
    answer.retain(|byte| ![0x0B, END].contains(byte));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered_with(answer: &'static [u8]) -> Result<Vec<u8>, Failure> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 7];
            stream.read_exact(&mut read).await.unwrap();
            stream.write_all(answer).await.unwrap();
            read
        });
        let mut stream: Box<dyn Connection> = Box::new(TcpStream::connect(address).await.unwrap());
        let answer = exchange(&mut stream, &frame("MSH|")).await;
        assert_eq!(&peer.await.unwrap(), b"\x0bMSH|\x1c\r");
        answer
    }

    #[tokio::test]
    async fn a_message_is_framed_and_its_answer_read_to_its_end() {
        let answer = answered_with(b"\x0bMSH|\rMSA|AA|1\r\x1c\r").await.unwrap();
        assert!(answer.starts_with(b"MSH|\rMSA|AA|1\r"));
        assert_eq!(
            answered_with(b"").await.unwrap(),
            b"",
            "who hangs up says nothing"
        );
    }
}
