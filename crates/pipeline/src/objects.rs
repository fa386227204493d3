//! How results of the stages lie in object storage: each kind names itself and its version in its first bytes.

mod framed;
mod prepared_slices;
mod stage_map;
mod volume_object;

pub use framed::ObjectError;
pub use prepared_slices::{decode_prepared_slices, encode_prepared_slices};
pub use stage_map::StageMap;
pub use volume_object::{SliceCoding, SliceExtent, VolumeHeader, write_volume};
