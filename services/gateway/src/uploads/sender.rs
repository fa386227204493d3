//! Who sends an upload.

use actix_web::{HttpMessage as _, HttpRequest};
use norma_database::Owner;

use crate::identity::Access;

/// An account, or the keys of a scope; None where authentication is off.
pub(crate) type Sender = Option<Owner>;

pub(crate) fn sender_of(request: &HttpRequest) -> Sender {
    let extensions = request.extensions();
    extensions
        .get::<Access>()
        .and_then(|access| access.caller.owner())
}
