//! What the viewer shows: geometry, pixels, maps.

mod answer;
mod objects;
mod picture;
mod recently_used;
pub(crate) mod route;
pub(crate) mod schema;
mod volume;
mod window;

pub(crate) use objects::PixelObjects;
pub use picture::{heatmap_png, slice_png};
