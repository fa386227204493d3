#![doc = include_str!("../README.md")]

mod certificates;
mod damaged;
mod folders;
mod real_data;
mod report;
pub mod servers;

pub use certificates::{Authority, SignedCertificate};
pub use damaged::write_damaged_archives;
pub use folders::temporary_folders;
pub use norma_phantom::{
    Lungs, Nodule, PhantomOptions, PhantomPatient, PhantomSeries, TransferSyntax, phantom_volume,
    phantom_zip, write_phantom_series,
};
pub use real_data::{dicom_files_below, real_data, robustness_files};
pub use report::plain_report;
