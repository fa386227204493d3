//! What the viewer shows: geometry, pixels, maps.

mod objects;
mod picture;
mod recently_used;
pub(crate) mod route;
pub(crate) mod schema;
mod window;

pub(crate) use objects::PixelObjects;
pub use picture::{heatmap_png, slice_png};
