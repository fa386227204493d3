#![doc = include_str!("../README.md")]

mod chunks;
mod data_key;
mod header;
mod key_encryption;
mod key_ring;
mod layout;
mod object;
mod secret;

pub use chunks::{CHUNK_BYTES, Damaged, Sealer};
pub use data_key::DataKey;
pub use header::HEADER_BYTES;
pub use key_encryption::{KeyEncryption, KeyError, WrappedKey};
pub use key_ring::{KeyRing, KeyRingError};
pub use layout::Layout;
pub use object::{OpenError, Opener, SealedObject, begin, is_sealed, key_id, seal};
pub use secret::{open_secret, seal_secret, second_factor_context, secret_key_id};
