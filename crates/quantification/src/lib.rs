#![doc = include_str!("../README.md")]

mod place;

pub use place::{LungSide, LungThird};
