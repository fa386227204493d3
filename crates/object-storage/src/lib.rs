#![doc = include_str!("../README.md")]

mod delete;
mod encryption;
mod error;
mod installation;
mod key;
mod objects;
mod read;
mod sealed;
mod set_aside;
mod to_file;
mod write;

pub use encryption::Encryption;
pub use error::ObjectError;
pub use key::ObjectKey;
pub use objects::{ObjectStream, Objects, S3Settings, Stored};
pub use read::StoredObject;
pub use set_aside::SetAside;
