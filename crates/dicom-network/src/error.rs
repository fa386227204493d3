use std::io;

use crate::status::Status;

/// Why an association, or what was asked over it, failed. Says nothing of the instances.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("failed to connect")]
    Connect(#[source] io::Error),
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    #[error("the peer and this node do not agree on TLS")]
    Tls(#[source] io::Error),
    #[error("the peer closed the connection")]
    Closed,
    #[error("the peer did not answer in time")]
    Timeout,
    #[error("the peer sent a PDU of {length} bytes; {limit} are taken")]
    TooLarge { length: u32, limit: u32 },
    #[error("the peer sent a PDU that cannot be read: {0}")]
    Unreadable(String),
    #[error("the peer sent a PDU that does not belong here")]
    Unexpected,
    #[error("the peer rejected the association: {0}")]
    Rejected(String),
    #[error("the peer aborted the association")]
    Aborted,
    #[error("the peer does not take {sop_class} in a transfer syntax that can be sent")]
    NotAccepted { sop_class: String },
    #[error("the peer answered with status {0}")]
    Status(Status),
    #[error("the file cannot be sent")]
    File(#[from] crate::part10::InvalidFile),
}

impl From<io::Error> for NetworkError {
    /// With TLS 1.3 a peer says only after the handshake that it does not like what it was shown.
    fn from(error: io::Error) -> Self {
        if let Some(inner) = error.get_ref()
            && inner.is::<tokio_rustls::rustls::Error>()
        {
            Self::Tls(error)
        } else {
            Self::Connection(error)
        }
    }
}

impl NetworkError {
    /// The error with what led to it, in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}
