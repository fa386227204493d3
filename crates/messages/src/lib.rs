#![doc = include_str!("../README.md")]

mod envelope;
mod headers;
mod message;
mod wire;

pub use envelope::Envelope;
pub use headers::Headers;
pub use message::Message;
pub use wire::MessageError;
