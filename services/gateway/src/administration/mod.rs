//! Accounts of people and keys of machines.

pub(crate) mod keys;
pub(crate) mod users;
