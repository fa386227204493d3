#![doc = include_str!("../README.md")]

mod capture;
mod code;
mod derived_uid;
mod dicom_result;
mod elements;
mod error;
mod finding;
mod functional_groups;
mod input;
mod modules;
mod origin;
mod outline;
mod parametric_map;
mod placed_frame;
mod region;
mod report;
mod results;
mod segmentation;
mod source;
mod wording;

pub use code::{
    Code, FINDING, FINDING_SITE, LIMITATION, PROBABILITY, REASON, VERDICT, finding_concept, side_code,
    verdict_code, verdict_meaning,
};
pub use derived_uid::derive_uuid;
pub use dicom_result::{DicomResult, ResultKind};
pub use error::ResultsError;
pub use finding::{FindingMeasure, finding_identifier, finding_measures, finding_words};
pub use input::{ResultsInput, slices_to_show};
pub use modules::software_version;
pub use origin::{is_made_here, may_be_made_here, may_be_series_made_here};
pub use results::build_results;
pub use source::{ImagePlane, SourceImage, SourceStudy, StudyAttributes, read_source_studies};
pub use wording::Language;
