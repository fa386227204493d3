//! STOW-RS (PS3.18 section 10.5): instances stored and analysed, as an upload is.

mod again;
mod answer;
mod contradictions;
mod outcome;
pub(crate) mod route;
