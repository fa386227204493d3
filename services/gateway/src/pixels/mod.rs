//! What the viewer shows: geometry, pixels, maps.

mod answer;
pub(crate) mod colour_scale;
mod objects;
mod picture;
pub(crate) mod route;
pub(crate) mod schema;
mod volume;
pub(crate) mod window;

pub(crate) use objects::PixelObjects;
pub use picture::{heatmap_png, slice_png};
