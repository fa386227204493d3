//! Where in the lungs something lies; the words are the report's own.

pub use norma_domain::{LungSide, LungThird};
