//! What readers say of answers.

pub(crate) mod route;
pub(crate) mod schema;
