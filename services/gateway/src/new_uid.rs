//! UIDs of what is made here.

use uuid::Uuid;

/// A UID that nothing else has (PS3.5 section B.2).
pub(crate) fn new_uid() -> String {
    format!("2.25.{}", Uuid::new_v4().as_u128())
}
