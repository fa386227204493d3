//! Whether what was refused would be refused again.

use actix_web::ResponseError as _;
use actix_web::http::StatusCode;

use crate::problem::ApiError;

impl ApiError {
    /// Whether the same would be refused again. What was not found, or in conflict, was changed by somebody meanwhile.
    pub(crate) fn is_final(&self) -> bool {
        let may_pass = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::CONFLICT,
            StatusCode::NOT_FOUND,
        ];
        let status = self.status_code();
        status.is_client_error() && !may_pass.contains(&status)
    }
}
