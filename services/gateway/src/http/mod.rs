//! What HTTP and the interface's lists and texts have in common, whatever is asked for.

pub(crate) mod byte_range;
pub(crate) mod content_length;
pub(crate) mod file_name;
pub(crate) mod freshness;
pub(crate) mod host;
pub(crate) mod json_object;
pub(crate) mod leftover;
pub(crate) mod media_range;
pub(crate) mod paging;
pub(crate) mod preference;
pub(crate) mod search;
pub(crate) mod text;
