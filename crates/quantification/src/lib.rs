#![doc = include_str!("../README.md")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "array views are two words and are passed by value, as ndarray itself does"
)]

pub mod nodules;
mod place;

pub use place::{LungSide, LungThird};
