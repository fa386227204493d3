//! Messages sent over MLLP, with TLS or without.

use std::time::Duration;

use norma_database::DatabaseError;
use norma_dicom_network::{Connection, NetworkError, connect};
use norma_result_messages::{
    AccessionField, Acknowledgement, OruOptions, Told, frame, has_end, oru_r01, read_acknowledgement, unframe,
};
use norma_service::{AccessionNumberField, Hl7Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::network_peer::NetworkPeer;
use crate::peer_failure::{Failure, FailureKind};

/// TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Of an acknowledgement.
const ANSWER_BYTES: usize = 64 << 10;

/// Who reads HL7 v2.
#[derive(Debug, Clone)]
pub(super) struct Hl7Receiver {
    peer: NetworkPeer,
    options: OruOptions,
}

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

    pub(super) fn is_encrypted(&self) -> bool {
        self.peer.tls.is_some()
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
        let connected = connect(&self.peer.address, self.peer.tls.as_ref(), CONNECT_TIMEOUT).await;
        let mut stream = connected.map_err(|error| Failure::from(&error))?;
        before.await?;
        let answer = exchange(&mut stream, &frame(&message)).await;
        let answer = answer.map_err(|error| Failure::from(&error))?;
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
}

/// Writes a message; reads what comes up to its end.
async fn exchange(stream: &mut Box<dyn Connection>, message: &[u8]) -> Result<Vec<u8>, NetworkError> {
    let exchanged = timeout(ANSWER_TIMEOUT, async {
        stream.write_all(message).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        while !has_end(&answer) && answer.len() < ANSWER_BYTES {
            let length = stream.read(&mut chunk).await?;
            if length == 0 {
                break;
            }
            answer.extend_from_slice(&chunk[..length]);
        }
        Ok(unframe(answer))
    });
    exchanged.await.map_err(|_| NetworkError::Timeout)?
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered_with(answer: &'static [u8]) -> Result<Vec<u8>, NetworkError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 7];
            stream.read_exact(&mut read).await.unwrap();
            stream.write_all(answer).await.unwrap();
            read
        });
        let address = address.to_string();
        let mut stream = connect(&address, None, CONNECT_TIMEOUT).await.unwrap();
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
