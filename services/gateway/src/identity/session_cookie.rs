//! The cookie of a session.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use norma_access::Token;

/// The cookie's properties. Under TLS its name begins with `__Host-`: browsers then take it only from this host, over
/// TLS, for every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionCookie {
    pub(crate) is_secure: bool,
}

impl SessionCookie {
    /// The cookie for this request.
    pub(crate) fn of(request: &HttpRequest, public_url: Option<&str>) -> Self {
        Self {
            is_secure: request.app_config().secure()
                || public_url.is_some_and(|url| url.starts_with("https://")),
        }
    }

    const fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-norma_session"
        } else {
            "norma_session"
        }
    }

    /// Ends with the browser; the session itself ends by its own clock. `Strict`: no request that another site
    /// starts carries it. The page itself needs none, and its own requests do.
    pub(crate) fn with(self, token: &Token) -> Cookie<'static> {
        self.plain(token.expose().to_owned())
    }

    pub(crate) fn removal(self) -> Cookie<'static> {
        let mut cookie = self.plain(String::new());
        cookie.make_removal();
        cookie
    }

    fn plain(self, value: String) -> Cookie<'static> {
        Cookie::build(self.name(), value)
            .path("/")
            .http_only(true)
            .secure(self.is_secure)
            .same_site(SameSite::Strict)
            .finish()
    }

    /// What the client sent.
    pub(crate) fn token_of(self, request: &HttpRequest) -> Option<Token> {
        let cookie = request.cookie(self.name())?;
        Token::parse(cookie.value()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_do_not_see_it_and_other_sites_do_not_send_it() {
        let token = Token::generate();
        let plain = SessionCookie { is_secure: false }.with(&token).to_string();
        for property in ["norma_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(plain.contains(property), "{plain}");
        }
        assert!(!plain.contains("Secure"));
        let secure = SessionCookie { is_secure: true }.with(&token).to_string();
        assert!(
            secure.starts_with("__Host-norma_session=") && secure.contains("Secure"),
            "{secure}"
        );
        assert!(!secure.contains("Domain"));
    }
}
