#![doc = include_str!("../README.md")]

mod cursor;
mod deflated;
mod encoding;
mod header;
mod representation;
pub mod stream;

pub use cursor::{ElementCursor, ElementError};
pub use deflated::{DEFLATED_START_BYTES, is_wrapped_as_zlib};
pub use encoding::Encoding;
pub use header::{
    ElementHeader, ITEM, ITEM_DELIMITER, NO_REPRESENTATION, SEQUENCE_DELIMITER, UNDEFINED_LENGTH,
    has_short_length,
};
pub use representation::representation_of;
