//! How results of the stages lie in object storage: each kind names itself and its version in its first bytes.

mod framed;
mod known_outputs;
mod prepared_slices;
mod segmentation;
mod stage_map;
mod volume_object;

pub use framed::ObjectError;
pub use known_outputs::{decode_known_outputs, encode_known_outputs};
pub use prepared_slices::{decode_prepared_slices, encode_prepared_slices};
pub use segmentation::{decode_segmentation, encode_segmentation};
pub use stage_map::StageMap;
pub use volume_object::{SliceCoding, SliceExtent, VolumeHeader, write_volume};
