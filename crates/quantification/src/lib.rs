#![doc = include_str!("../README.md")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "array views are two words and are passed by value, as ndarray itself does"
)]

mod airless;
mod aorta;
mod ball;
mod density;
mod dependent;
mod edges;
mod fluid;
mod gas;
mod grid;
mod heart;
mod lung_edge;
pub mod nodules;
mod opacity;
mod packed_mask;
mod place;
mod protocol;
mod quantify;
mod ranges;
mod regions;
mod repeatability;
mod segmented_finding;
mod spine;
mod surroundings;
mod texture;
mod thorax;
mod tissue_smoothing;
mod vertebrae;

pub use place::{LungSide, LungThird};
pub use quantify::quantify;
pub use segmented_finding::SegmentedFinding;
