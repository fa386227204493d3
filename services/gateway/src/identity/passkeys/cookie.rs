//! The cookie of a sign-in by a passkey: it binds the challenge to the browser that asked for it.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use norma_access::Token;

use crate::identity::passkeys::ceremony::LASTS;

const COOKIE: &str = "norma_passkey";
const PATH: &str = "/api/session/passkey";

/// `Strict`: no request that another site starts carries it.
pub(super) fn cookie(token: &Token, is_secure: bool) -> Cookie<'static> {
    Cookie::build(COOKIE, token.expose().to_owned())
        .path(PATH)
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Strict)
        .max_age(Duration::seconds(LASTS.num_seconds()))
        .finish()
}

pub(super) fn cookie_removal() -> Cookie<'static> {
    let mut cookie = Cookie::build(COOKIE, "").path(PATH).finish();
    cookie.make_removal();
    cookie
}

/// What this browser asked with.
pub(super) fn token_of(request: &HttpRequest) -> Option<Token> {
    Token::parse(request.cookie(COOKIE)?.value()).ok()
}
