//! Training reads what serving reads: the same chain, written as NumPy arrays.

mod error;
mod images;
mod npy;
mod studies;

pub use error::TrainingSetError;
pub use images::{TrainingSetCounts, prepare_image_slices};
pub use studies::StudySet;
