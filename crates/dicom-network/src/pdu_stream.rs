//! PDUs over a stream (PS3.8 section 9.3): each within its length and its time.

use std::time::Duration;

use dicom_ul::pdu::{MAXIMUM_PDU_SIZE, Pdu, read_pdu, write_pdu};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::error::NetworkError;
use crate::request_items::understood_items;

const ASSOCIATE_REQUEST: u8 = 0x01;
const ASSOCIATE_ACCEPT: u8 = 0x02;
const P_DATA: u8 = 0x04;
/// 128 contexts of some 40 transfer syntaxes each stay below.
const ASSOCIATE_LIMIT: u32 = 1 << 20;
const OTHER_LIMIT: u32 = 4096;
/// Some peers do not count the headers of what they send.
const MARGIN: u32 = 128;
/// What is allocated before any of it came.
const FIRST_CAPACITY: u32 = 64 << 10;
/// How long a peer may take to close after the last word.
const LAST_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct PduStream<S> {
    stream: S,
    /// The type of a PDU whose other bytes have not been read.
    first: Option<u8>,
    /// The longest P-DATA-TF that was announced to the peer.
    max_pdu_length: u32,
    /// For one PDU as a whole.
    patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> PduStream<S> {
    pub(crate) fn new(stream: S, max_pdu_length: u32, patience: Duration) -> Self {
        Self {
            stream,
            first: None,
            max_pdu_length,
            patience,
        }
    }

    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Waits until the peer sends something or closes. May be dropped: what came is kept.
    pub(crate) async fn wait(&mut self) -> Result<(), NetworkError> {
        if self.first.is_none() {
            let reading = self.stream.read_u8();
            match timeout(self.patience, reading).await {
                Err(_) => return Err(NetworkError::Timeout),
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(NetworkError::Closed);
                }
                Ok(byte) => self.first = Some(byte?),
            }
        }
        Ok(())
    }

    /// Reads one PDU. Not to be dropped in between: what came of it would be lost.
    pub(crate) async fn read(&mut self) -> Result<Pdu, NetworkError> {
        self.wait().await?;
        let kind = self.first.take().ok_or(NetworkError::Closed)?;
        let patience = self.patience;
        timeout(patience, self.read_after(kind))
            .await
            .map_err(|_| NetworkError::Timeout)?
    }

    async fn read_after(&mut self, kind: u8) -> Result<Pdu, NetworkError> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).await?;
        let [_, a, b, c, d] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        let limit = match kind {
            ASSOCIATE_REQUEST | ASSOCIATE_ACCEPT => ASSOCIATE_LIMIT,
            P_DATA => self.max_pdu_length.saturating_add(MARGIN),
            _ => OTHER_LIMIT,
        };
        if length > limit {
            return Err(NetworkError::TooLarge { length, limit });
        }
        let mut body = Vec::with_capacity(length.min(FIRST_CAPACITY) as usize);
        let read = (&mut self.stream)
            .take(length.into())
            .read_to_end(&mut body)
            .await?;
        if read < length as usize {
            return Err(NetworkError::Closed);
        }
        decode(kind, body)
    }

    pub(crate) async fn write(&mut self, pdu: &Pdu) -> Result<(), NetworkError> {
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, pdu).map_err(|error| NetworkError::Unreadable(error.to_string()))?;
        self.write_bytes(&bytes).await
    }

    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), NetworkError> {
        let writing = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(self.patience, writing)
            .await
            .map_err(|_| NetworkError::Timeout)??;
        Ok(())
    }

    /// Lets the peer read the last word before the connection ends.
    pub(crate) async fn close(mut self) {
        let closing = async {
            let _ = self.stream.shutdown().await;
            let mut rest = [0; 4096];
            while matches!(self.stream.read(&mut rest).await, Ok(read) if read > 0) {}
        };
        let _ = timeout(LAST_WAIT, closing).await;
    }
}

/// Decodes a PDU from its body.
fn decode(kind: u8, body: Vec<u8>) -> Result<Pdu, NetworkError> {
    let unreadable = |what: &str| NetworkError::Unreadable(what.to_owned());
    let body = if matches!(kind, ASSOCIATE_REQUEST | ASSOCIATE_ACCEPT) {
        understood_items(&body).ok_or_else(|| unreadable("its items do not fit into it"))?
    } else if (1..=7).contains(&kind) {
        body
    } else {
        return Err(NetworkError::Unexpected);
    };
    let length = u32::try_from(body.len()).map_err(|_| unreadable("it is too long"))?;
    let mut bytes = vec![kind, 0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    read_pdu(bytes.as_slice(), MAXIMUM_PDU_SIZE, true)
        .map_err(|error| unreadable(&error.to_string()))?
        .ok_or_else(|| unreadable("it ends too early"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator (xorshift) with a fixed seed: the same inputs each time.
    struct Mutations(u64);

    impl Mutations {
        fn next(&mut self, below: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % below.max(1) as u64) as usize
        }
    }

    fn request() -> Vec<u8> {
        use dicom_ul::pdu::{AssociationRQ, PresentationContextProposed};
        let contexts = (0..20).map(|index| PresentationContextProposed {
            id: 2 * index + 1,
            abstract_syntax: "1.2.840.10008.5.1.4.1.1.2".into(),
            transfer_syntaxes: vec!["1.2.840.10008.1.2".into(), "1.2.840.10008.1.2.1".into()],
        });
        let pdu = Pdu::AssociationRQ(AssociationRQ {
            protocol_version: 1,
            calling_ae_title: "CT1".into(),
            called_ae_title: "NORMA".into(),
            application_context_name: crate::implementation::APPLICATION_CONTEXT.into(),
            presentation_contexts: contexts.collect(),
            user_variables: crate::implementation::user_variables(16384),
        });
        let mut bytes = Vec::new();
        write_pdu(&mut bytes, &pdu).unwrap();
        bytes
    }

    #[test]
    fn no_mutated_pdu_panics() {
        let seeds: [(u8, Vec<u8>); 4] = [
            (1, request().split_off(6)),
            (2, request().split_off(6)),
            (4, [0, 0, 0, 8, 1, 3, 0, 0, 0, 0, 4, 0].to_vec()),
            (3, vec![0, 1, 1, 3]),
        ];
        let mut mutations = Mutations(0x9E37_79B9_7F4A_7C15);
        let mut readable = 0;
        for round in 0..200_000 {
            let (kind, seed) = &seeds[round % seeds.len()];
            let mut body = seed.clone();
            for _ in 0..=mutations.next(4) {
                if body.is_empty() {
                    break;
                }
                let at = mutations.next(body.len());
                match mutations.next(4) {
                    0 => body[at] = mutations.next(256) as u8,
                    1 => body.truncate(at),
                    2 => body.insert(at, mutations.next(256) as u8),
                    _ => body[at] = [0, 1, 0x7F, 0x80, 0xFF][mutations.next(5)],
                }
            }
            readable += usize::from(decode(*kind, body).is_ok());
        }
        assert!(
            readable > 1000,
            "the mutations reach what lies behind the first check"
        );
    }
}
