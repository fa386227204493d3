#![doc = include_str!("../README.md")]

mod attributes;
mod container;
mod frames;
mod index;
mod indexing;
mod json;
mod native_model;
mod native_model_reading;

pub use attributes::attribute_tag;
pub use container::{TRAILER_BYTES, find_index, read_index};
pub use frames::decode_frames;
pub use index::{
    Attributes, BulkValue, IndexedInstance, IndexedSeries, InstanceIndex, PixelDescription, Place, Section,
    Span,
};
pub use indexing::index_upload;
pub use native_model::write_native_model;
pub use native_model_reading::read_native_model;
pub use norma_dicom_elements::representation_of;
