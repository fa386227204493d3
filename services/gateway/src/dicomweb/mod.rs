//! DICOMweb (PS3.18): studies searched for (QIDO-RS) and retrieved (WADO-RS), answers to analyses among them; instances stored
//! (STOW-RS) and analysed.
//!
//! Its interface is the standard's and stands in no OpenAPI document.

mod accept;
mod body;
mod document;
mod frame_files;
mod frames;
mod held;
mod holding;
mod indexes;
mod locate;
mod matching;
mod model_form;
mod parameters;
mod picture;
mod query;
pub(crate) mod render;
pub(crate) mod retrieve;
pub(crate) mod search;
pub(crate) mod store;
mod window;

pub(crate) use accept::DICOM_JSON;
pub(crate) use document::service_url;
pub(crate) use held::{HeldScan, first_to_hold};
pub(crate) use indexes::DicomWeb;
pub(crate) use matching::is_match;
pub(crate) use model_form::{DICOM_XML, ModelForm};
pub(crate) use parameters::{MORE, SearchParameters, check_value, invalid};
