//! The answer to an analysis as DICOM objects.

mod collection;
mod make;
pub(crate) mod route;

pub(crate) use make::{Answer, DicomResults};
