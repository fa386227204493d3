//! Pictures for viewers that show nothing else.

mod canvas;
mod key_slice;
mod object;
mod page;

pub(crate) use object::captures;
