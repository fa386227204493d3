#![doc = include_str!("../README.md")]

mod content;
mod counts;
mod element_walk;
mod pack;
mod spool;
mod study_key;

pub use content::hold_same_data_set;
pub use counts::{IncomingInstance, StatedInstance, stated_by, stated_instances};
pub use element_walk::sop_instance_before_data_set;
pub use pack::{EarlierStudy, Held, PackedStudy, instances_sha256, named_instances, pack_study};
pub use spool::{
    KeepError, Spool, Standing, TakenStudy, check_names, manufacturer_of, series_of, sop_class_of, source_of,
    study_of, study_uid_of,
};
pub use study_key::StudyKey;
