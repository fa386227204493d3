#![doc = include_str!("../README.md")]

mod content;
mod element_walk;
mod pack;
mod spool;
mod study_key;

pub use pack::{EarlierStudy, Held, PackedStudy, instances_sha256, pack_study};
pub use spool::{KeepError, Spool, TakenStudy, manufacturer_of, sop_class_of, study_of};
pub use study_key::StudyKey;
