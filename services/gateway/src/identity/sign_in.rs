//! Signing in: passwords, links that work once, and the sessions that come of them.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use norma_access::{PasswordHashing, RelyingParty, Token, is_leaked, sha256};
use norma_database::{Database, NewSession, SessionMethod, SessionOrigin, SignInBackoff, User};
use norma_domain::UserId;
use norma_encryption::KeyEncryption;
use norma_service::{Authentication, IdentitySettings, SecondFactorMode};

use crate::identity::caller::{Caller, CallerSession};
use crate::identity::device::device_names;
use crate::identity::held_up::HeldUp;
use crate::identity::password_strength::weakness;
use crate::identity::schema::SessionDocument;
use crate::identity::session_cookie::SessionCookie;
use crate::identity::source::source_address;
use crate::places::Places;
use crate::problem::{AccessProblem, ApiError};

/// Passwords that are compared side by side: each takes memory.
const SIDE_BY_SIDE: usize = 2;
/// Passwords from one address that wait for that; more are refused at once.
const MOST_WAITING: usize = 16;
/// An attacker with many addresses has so many times the tries of one, before addresses that a login never signed in from
/// have to wait. Those that it did are not held up.
const TIMES_FROM_EVERYWHERE: u32 = 20;

/// The gateway's knowledge of people.
pub(crate) struct Identity {
    settings: IdentitySettings,
    public_url: Option<String>,
    trusted_proxies: Vec<IpAddr>,
    hashing: PasswordHashing,
    turns: Places<String>,
    held_up: HeldUp,
    database: Database,
    /// What passkeys are made for; None: browsers make none for the address of this installation.
    site: Option<RelyingParty>,
    /// Secrets of second factors are encrypted with them; None: they are not.
    keys: Option<Arc<dyn KeyEncryption>>,
}

impl Identity {
    pub(crate) fn new(
        settings: IdentitySettings,
        public_url: Option<String>,
        trusted_proxies: Vec<IpAddr>,
        database: Database,
        keys: Option<Arc<dyn KeyEncryption>>,
    ) -> anyhow::Result<Self> {
        let password = &settings.password;
        let hashing = PasswordHashing::new(password.memory_kib, password.passes, password.lanes)?;
        // Of the settings alone: what a request says of its host is whatever somebody wrote there.
        let site = public_url
            .as_deref()
            .and_then(|url| RelyingParty::of(url, &settings.second_factor.issuer));
        Ok(Self {
            settings,
            site,
            public_url,
            trusted_proxies,
            hashing,
            turns: Places::new(SIDE_BY_SIDE, SIDE_BY_SIDE - 1, MOST_WAITING),
            held_up: HeldUp::default(),
            database,
            keys,
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.settings.authentication == Authentication::On
    }

    pub(crate) fn longest_idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.settings.session.idle_minutes.into())
    }

    pub(crate) fn cookie(&self, request: &HttpRequest) -> SessionCookie {
        SessionCookie::of(request, self.public_url.as_deref())
    }

    pub(crate) fn settings(&self) -> &IdentitySettings {
        &self.settings
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpAddr] {
        &self.trusted_proxies
    }

    /// What passkeys are made for here.
    pub(crate) fn site(&self) -> Option<&RelyingParty> {
        self.site.as_ref()
    }

    /// Whether accounts may add passkeys, and sign in by them alone.
    pub(crate) fn offers_passkeys(&self) -> bool {
        self.is_on() && self.site.is_some() && self.settings.passkeys.mode == SecondFactorMode::Optional
    }

    pub(crate) fn keys(&self) -> Option<&dyn KeyEncryption> {
        self.keys.as_deref()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The account of a login and its password, sent from `source`. A login that does not exist takes as long as one that
    /// does, and is slowed down alike. Everything is counted before a password is looked at.
    pub(crate) async fn check_password(
        &self,
        login: &str,
        password: String,
        source: &str,
    ) -> Result<User, ApiError> {
        if !self.is_on() {
            return Err(ApiError::AuthenticationOff);
        }
        let folded = login.trim().to_lowercase();
        let attempt = self.count_attempt(Secret::Password, &folded, source).await?;
        let user = self
            .database
            .user_of_login(&folded)
            .await?
            .filter(|user| !user.disabled);
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.is_password(password, stored, source).await?;
        match user {
            Some(user) if is_right => {
                self.forget_attempt(attempt).await?;
                Ok(user)
            }
            _ => Err(ApiError::WrongCredentials),
        }
    }

    /// Counts an attempt at a secret of a login before it is looked at.
    ///
    /// # Errors
    /// [`ApiError::TooManyAttempts`] where it has to wait.
    pub(crate) async fn count_attempt(
        &self,
        secret: Secret,
        login: &str,
        source: &str,
    ) -> Result<Attempt, ApiError> {
        let here = subject(&[secret.name(), login, source]);
        self.take_attempt(here, 1).await?;
        let known = subject(&[Secret::Password.name(), login, source]);
        let mut everywhere = None;
        if !self.database.is_known_sign_in_source(known).await? {
            let subject = subject(&[secret.name(), login]);
            self.take_attempt(subject, TIMES_FROM_EVERYWHERE).await?;
            everywhere = Some(subject);
        }
        Ok(Attempt { here, everywhere })
    }

    /// The attempt succeeded: the failures before it count no more.
    pub(crate) async fn forget_attempt(&self, attempt: Attempt) -> Result<(), ApiError> {
        self.forget_failures(attempt.here).await?;
        if let Some(everywhere) = attempt.everywhere {
            self.forget_failures(everywhere).await?;
        }
        Ok(())
    }

    async fn forget_failures(&self, subject: [u8; 32]) -> Result<(), ApiError> {
        self.database.forget_sign_in_failures(subject).await?;
        self.held_up.forget(&subject);
        Ok(())
    }

    /// Remembers that somebody has signed in from here, with all that was asked for: guesses from elsewhere do not hold them
    /// up here.
    pub(crate) async fn remember_source(&self, user: &User, source: &str) -> Result<(), ApiError> {
        let here = subject(&[Secret::Password.name(), &user.login, source]);
        Ok(self.database.note_sign_in_source(here).await?)
    }

    async fn take_attempt(&self, subject: [u8; 32], times: u32) -> Result<(), ApiError> {
        let lockout = &self.settings.lockout;
        let backoff = SignInBackoff {
            free_failures: lockout.free_failures.saturating_mul(times),
            first_pause: TimeDelta::seconds(lockout.first_pause_seconds.into()),
            longest_pause: TimeDelta::seconds(lockout.longest_pause_seconds.into()),
        };
        let mut blocked_until = self.held_up.until(&subject);
        if blocked_until.is_none() {
            blocked_until = self.database.begin_sign_in(subject, backoff).await?;
            if let Some(until) = blocked_until {
                self.held_up.note(subject, until);
            }
        }
        match blocked_until {
            None => Ok(()),
            Some(blocked_until) => {
                let seconds = (blocked_until - Utc::now()).num_seconds().max(0).unsigned_abs();
                Err(ApiError::TooManyAttempts {
                    retry_after_seconds: seconds + 1,
                })
            }
        }
    }

    async fn is_password(
        &self,
        password: String,
        stored: Option<String>,
        source: &str,
    ) -> Result<bool, ApiError> {
        let verify = move |hashing: &PasswordHashing| hashing.verify(&password, stored.as_deref());
        self.in_turn(source, verify).await
    }

    /// Hashes when it is the source's turn, which lasts until that has ended, whether or not anybody waits for it.
    async fn in_turn<T: Send + 'static>(
        &self,
        source: &str,
        work: impl FnOnce(&PasswordHashing) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turns.take(Some(&source.to_owned())).await;
        let turn = turn.ok_or(ApiError::TooManyAttempts {
            retry_after_seconds: 2,
        })?;
        let hashing = self.hashing.clone();
        tokio::task::spawn_blocking(move || {
            let done = work(&hashing);
            drop(turn);
            done
        })
        .await
        .map_err(ApiError::internal)
    }

    /// Whose link it is. It stays as it is.
    pub(crate) async fn user_of_link(&self, token: &str) -> Result<User, ApiError> {
        if !self.is_on() {
            return Err(ApiError::AuthenticationOff);
        }
        let token = Token::parse(token).map_err(|_| ApiError::SignInLinkInvalid)?;
        self.database
            .user_of_one_time_token(token.hash())
            .await?
            .ok_or(ApiError::SignInLinkInvalid)
    }

    /// Uses a link up.
    pub(crate) async fn redeem(&self, token: &str) -> Result<User, ApiError> {
        let token = Token::parse(token).map_err(|_| ApiError::SignInLinkInvalid)?;
        self.database
            .redeem_one_time_token(token.hash())
            .await?
            .ok_or(ApiError::SignInLinkInvalid)
    }

    /// A link that signs an account in once, and until when. Older ones of the account stop working.
    pub(crate) async fn sign_in_link(
        &self,
        base_url: &str,
        user: &User,
    ) -> Result<(String, DateTime<Utc>), ApiError> {
        if user.openid.is_some() {
            return Err(ApiError::OpenIdAccount);
        }
        let token = Token::generate();
        let expires_at = Utc::now() + TimeDelta::hours(self.settings.sign_in_link_hours.into());
        self.database
            .create_one_time_token(token.hash(), user.id, expires_at)
            .await?;
        // After the #, so that it reaches neither servers' logs nor the Referer of other pages.
        Ok((format!("{base_url}/login#token={}", token.expose()), expires_at))
    }

    /// A new session. One that the client had before ends: nobody can have fixed it beforehand.
    pub(crate) async fn sign_in(
        &self,
        request: &HttpRequest,
        user: &User,
        method: SessionMethod,
    ) -> Result<Token, ApiError> {
        self.begin_session(request, user, method, None, None).await
    }

    /// A new session of somebody of whom an issuer of OpenID Connect said this; `verified_at`: when they showed it who they
    /// are, where it says that.
    pub(crate) async fn sign_in_by_openid(
        &self,
        request: &HttpRequest,
        user: &User,
        id_token: String,
        verified_at: Option<DateTime<Utc>>,
    ) -> Result<Token, ApiError> {
        self.begin_session(request, user, SessionMethod::OpenId, Some(id_token), verified_at)
            .await
    }

    async fn begin_session(
        &self,
        request: &HttpRequest,
        user: &User,
        method: SessionMethod,
        id_token: Option<String>,
        verified_at: Option<DateTime<Utc>>,
    ) -> Result<Token, ApiError> {
        if let Some(old) = self.cookie(request).token_of(request) {
            self.database.delete_session(old.hash()).await?;
        }
        let token = Token::generate();
        self.database
            .create_session(NewSession {
                token_hash: token.hash(),
                user_id: user.id,
                method,
                origin: self.origin_of(request),
                id_token,
                expires_at: self.session_end(),
                verified_at: verified_at.map(|at| at.min(Utc::now())),
            })
            .await?;
        Ok(token)
    }

    fn origin_of(&self, request: &HttpRequest) -> SessionOrigin {
        let sent = request.headers().get(header::USER_AGENT);
        let [browser, system] = device_names(sent.and_then(|sent| sent.to_str().ok()).unwrap_or_default());
        SessionOrigin {
            browser: browser.to_owned(),
            system: system.to_owned(),
            address: source_address(request, &self.trusted_proxies)
                .map(|address| address.to_canonical().to_string())
                .unwrap_or_default(),
        }
    }

    fn session_end(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::hours(self.settings.session.hours.into())
    }

    /// The answer to a sign-in: the session's document and its cookie.
    pub(crate) fn signed_in(
        &self,
        request: &HttpRequest,
        token: Token,
        user: User,
        method: SessionMethod,
    ) -> HttpResponse {
        let cookie = self.cookie(request).with(&token);
        let caller = Caller::User {
            user: Box::new(user),
            session: CallerSession {
                token,
                method,
                expires_at: self.session_end(),
                verified_at: Utc::now(),
            },
        };
        HttpResponse::Ok()
            .cookie(cookie)
            .json(SessionDocument::of(&caller, &self.settings))
    }

    /// Sets a new password; every session of the account ends.
    pub(crate) async fn set_password(&self, user: &User, password: String) -> Result<(), ApiError> {
        if let Some(what) = weakness(&password, &user.login, self.settings.password.minimum_length) {
            return Err(ApiError::PasswordTooWeak(what));
        }
        if is_leaked(&password) {
            return Err(AccessProblem::PasswordLeaked.into());
        }
        let source = user.id.to_string();
        let hash = self
            .in_turn(&source, move |hashing| hashing.hash(&password))
            .await?
            .map_err(ApiError::internal)?;
        Ok(self.database.set_password(user.id, hash).await?)
    }

    /// Compares the current password of somebody who is signed in, slowed down like a sign-in.
    pub(crate) async fn check_current_password(&self, user: &User, password: String) -> Result<(), ApiError> {
        let subject = password_subject(user.id);
        self.take_attempt(subject, 1).await?;
        let source = user.id.to_string();
        if self
            .is_password(password, user.password_hash.clone(), &source)
            .await?
        {
            self.forget_failures(subject).await
        } else {
            Err(ApiError::WrongCurrentPassword)
        }
    }
}

/// What somebody who signs in may guess at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    Password,
    /// Of the second factor.
    Code,
    /// Nobody guesses the signature of one: what is counted keeps the work small that others can cause.
    Passkey,
}

impl Secret {
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "login",
            Self::Code => "code",
            Self::Passkey => "passkey",
        }
    }
}

/// An attempt that was counted: by login and source, and where the source is not known by login alone.
#[derive(Debug)]
pub(crate) struct Attempt {
    here: [u8; 32],
    everywhere: Option<[u8; 32]>,
}

fn subject(parts: &[&str]) -> [u8; 32] {
    sha256(parts.join("\0").as_bytes())
}

fn password_subject(id: UserId) -> [u8; 32] {
    sha256(format!("current\0{id}").as_bytes())
}
