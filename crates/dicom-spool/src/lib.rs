#![doc = include_str!("../README.md")]

mod pack;
mod spool;
mod study_key;
mod study_uid;

pub use pack::{PackedStudy, instances_of_archive, instances_sha256, pack_study};
pub use spool::{KeepError, Spool, TakenStudy};
pub use study_key::StudyKey;
