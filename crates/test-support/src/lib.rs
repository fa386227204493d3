#![doc = include_str!("../README.md")]

pub mod phantom;
mod real_data;
pub mod servers;

pub use phantom::{
    Lungs, Nodule, PhantomOptions, PhantomSeries, TransferSyntax, phantom_volume, phantom_zip,
    write_phantom_series,
};
pub use real_data::{real_data, robustness_files};
