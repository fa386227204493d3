#![doc = include_str!("../README.md")]

mod element_walk;
mod pack;
mod spool;
mod study_key;

pub use pack::{PackedStudy, instances_of_archive, instances_sha256, pack_study};
pub use spool::{KeepError, Spool, TakenStudy, manufacturer_of};
pub use study_key::StudyKey;
