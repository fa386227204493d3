//! Which analyses have not ended.

use diesel::prelude::*;

use crate::schema::analyses;

/// Whether an analysis has not ended: a check of the table ties this to the status, and an index serves it.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn is_unfinished() -> _ {
    analyses::finished_at.is_null()
}
