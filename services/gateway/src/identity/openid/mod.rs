//! Sign-in by OpenID Connect: authorization code with PKCE, by the `openidconnect` crate.

mod account;
mod provider;
pub(crate) mod route;

pub(crate) use provider::OpenId;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use norma_access::Token;

/// Why somebody was not let in: the `error` of the sign-in page's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The issuer said no, or the person did there.
    Denied,
    /// The sign-in was not begun in this browser, took too long, or was finished already.
    UnknownState,
    /// The issuer does not answer.
    Unreachable,
    /// The ID token is not valid.
    InvalidToken,
    /// The claim gives no role.
    NoRole,
    Disabled,
}

impl Refusal {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Denied => "openid_denied",
            Self::UnknownState => "openid_state",
            Self::Unreachable => "openid_unreachable",
            Self::InvalidToken => "openid_token",
            Self::NoRole => "openid_no_role",
            Self::Disabled => "account_disabled",
        }
    }
}

const STATE_COOKIE: &str = "norma_openid";
/// How long a sign-in may take at the issuer.
pub(crate) const ATTEMPT_MINUTES: i64 = 10;

/// The cookie that binds a sign-in to the browser that began it. `Lax`: it must come along when the issuer sends the
/// browser back.
pub(crate) fn state_cookie(state: &Token, is_secure: bool) -> Cookie<'static> {
    Cookie::build(STATE_COOKIE, state.expose().to_owned())
        .path("/api/openid")
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Lax)
        .max_age(Duration::minutes(ATTEMPT_MINUTES))
        .finish()
}

pub(crate) fn state_cookie_removal() -> Cookie<'static> {
    let mut cookie = Cookie::build(STATE_COOKIE, "").path("/api/openid").finish();
    cookie.make_removal();
    cookie
}

/// The state that this browser began with.
pub(crate) fn state_of(request: &HttpRequest) -> Option<Token> {
    Token::parse(request.cookie(STATE_COOKIE)?.value()).ok()
}

/// A page of ours to go to after the sign-in; never another site.
pub(crate) fn own_page(path: Option<String>) -> String {
    path.filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= 2000
            && !path
                .chars()
                .any(|character| character == '\\' || character.is_control() || character.is_whitespace())
            && path.is_ascii()
    })
    .unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(own_page(Some("/studies/1?x=2".to_owned())), "/studies/1?x=2");
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "evil",
            "/a\r\nb",
            "",
        ] {
            assert_eq!(own_page(Some(elsewhere.to_owned())), "/", "{elsewhere}");
        }
        assert_eq!(own_page(None), "/");
    }
}
