//! The node against its own user and against DCMTK's: what comes is kept, and who may not is told why.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod dcmtk;
mod finding;
mod hostile;
mod own;
mod retrieving;
mod site;
