//! Work items of the unified worklist (UPS-RS of DICOM PS3.18 section 11, IHE AI Workflow for Imaging): kept for whoever performs
//! them, and performed here where they are Norma's.

mod attributes;
mod change;
mod creation;
mod events;
mod matching;
mod output;
mod performer;
mod room;
pub(crate) mod route;
pub(crate) mod subscriptions;

pub(crate) use performer::Performer;
pub(crate) use room::Workitems;
