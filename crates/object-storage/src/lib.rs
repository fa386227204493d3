#![doc = include_str!("../README.md")]

mod delete;
mod error;
mod key;
mod objects;
mod read;
mod write;

pub use error::ObjectError;
pub use key::ObjectKey;
pub use objects::{ObjectStream, Objects, S3Settings, Stored};
