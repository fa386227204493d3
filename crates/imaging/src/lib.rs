#![doc = include_str!("../README.md")]

mod blob;
mod character_set;
mod codec;
mod convolution_kernel;
mod decode;
#[cfg(test)]
mod decode_reference_tests;
mod dicom_header;
mod element_tags;
mod element_values;
mod element_walk;
mod encapsulation;
mod error;
mod extract;
mod limits;
mod load;
mod multiframe;
mod nifti;
mod nifti_header;
mod patient_age;
mod rescale;
mod series_choice;
mod series_grouping;
mod slice_order;
mod split_acquisitions;
mod study;
mod study_files;
mod study_identity;
mod upload;
mod volume_geometry;
mod zip_entries;

pub use error::{ImagingError, LimitKind};
pub use extract::extract_study;
pub use limits::Limits;
pub use load::{Acquisition, LoadedSeries, load_chest_series};
pub use study::{StudySource, UploadListing, list_studies, list_upload};
pub use study_files::{DicomFile, StudyFile, read_study_files};
pub use upload::RejectedFile;
