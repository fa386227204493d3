#![doc = include_str!("../README.md")]

mod allowed;
mod data_set;
mod dummy;
mod nifti;
mod pixel_text;
mod pseudonym;
mod record;
mod table;
mod upload;

pub use data_set::deidentify_data_set;
pub use pseudonym::{Key, KeyTooShort};
pub use table::{Action, TableRow, basic_profile};
pub use upload::{DeidentificationError, LeftOut, PixelCheck, Summary, deidentify_upload};
