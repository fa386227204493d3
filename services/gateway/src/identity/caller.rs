//! Who asks.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use chrono::{DateTime, TimeDelta, Utc};
use norma_access::Token;
use norma_database::{ApiKey, AuditActor, AuditOutcome, FeedbackUser, Owner, Session, SessionMethod, User};
use norma_domain::{PatientId, Role, Roles, ScanId};
use norma_service::IdentitySettings;
use uuid::Uuid;

use crate::problem::ApiError;

/// Who asks, as far as it is known.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Nobody,
    User {
        user: Box<User>,
        session: CallerSession,
    },
    Key(Box<ApiKey>),
    /// Everybody, where authentication is off.
    AuthenticationOff,
}

/// The session that a person signed in with.
#[derive(Debug, Clone)]
pub(crate) struct CallerSession {
    pub(crate) token: Token,
    pub(crate) method: SessionMethod,
    pub(crate) expires_at: DateTime<Utc>,
    /// When whoever uses it last showed who they are.
    pub(crate) verified_at: DateTime<Utc>,
}

impl CallerSession {
    /// What a page shows with each request that changes something.
    pub(crate) fn csrf_token(&self) -> String {
        self.token.derive("csrf")
    }

    /// Whether it began with a link that signs in once.
    pub(crate) fn is_by_link(&self) -> bool {
        self.method == SessionMethod::Link
    }
}

impl Caller {
    pub(crate) fn of_session(token: Token, session: Session) -> Self {
        Self::User {
            user: Box::new(session.user),
            session: CallerSession {
                token,
                method: session.method,
                expires_at: session.expires_at,
                verified_at: session.verified_at,
            },
        }
    }

    pub(crate) fn roles(&self) -> Roles {
        match self {
            Self::Nobody => Roles::NONE,
            Self::User { user, .. } => user.roles,
            Self::Key(key) => key.roles,
            Self::AuthenticationOff => Roles::of(&[Role::Clinician, Role::Operator, Role::Administrator]),
        }
    }

    /// Whether a person who came by a link has no password yet, and nothing else to do before one is set.
    pub(crate) fn must_set_password(&self) -> bool {
        matches!(self, Self::User { user, .. } if user.openid.is_none() && user.password_hash.is_none())
    }

    /// Whether a person whose roles need a second factor has none yet, and nothing else to do before there is one. Accounts of
    /// OpenID Connect have their provider's.
    pub(crate) fn must_set_second_factor(&self, settings: &IdentitySettings) -> bool {
        matches!(self, Self::User { user, .. } if user.openid.is_none()
            && user.second_factor_at.is_none()
            && settings.needs_second_factor(user.roles))
    }

    /// Whether it is too long since a person showed who they are for an act that asks for it.
    pub(crate) fn must_verify(&self, settings: &IdentitySettings) -> bool {
        let lasts = settings.session.verified_minutes;
        matches!(self, Self::User { session, .. }
            if lasts > 0 && Utc::now() - session.verified_at > TimeDelta::minutes(lasts.into()))
    }

    /// Whether the caller may give somebody these roles, or sign in as somebody who holds them. A key gives no role that reaches
    /// patients or accounts unless it holds it: whoever stole an administrator's key would be a clinician by one request more. A
    /// person who signed in may; the trail tells.
    ///
    /// # Errors
    /// [`ApiError::RolesBeyondOwn`].
    pub(crate) fn may_give(&self, given: Roles) -> Result<(), ApiError> {
        const REACHING: Roles = Roles::of(&[Role::Clinician, Role::Administrator]);
        let own = self.roles();
        let is_beyond = given
            .intersection(REACHING)
            .iter()
            .any(|role| !own.contains(role));
        match self {
            Self::Key(_) if is_beyond => Err(ApiError::RolesBeyondOwn { allowed: own }),
            _ => Ok(()),
        }
    }

    /// Whether the caller may make a key that shares what another scope's keys have sent: of keys, those that see it anyway.
    ///
    /// # Errors
    /// [`ApiError::RolesBeyondOwn`].
    pub(crate) fn may_share(&self, scope: &str) -> Result<(), ApiError> {
        match self {
            Self::Key(key) if key.scope != scope && !key.roles.contains(Role::Clinician) => {
                Err(ApiError::RolesBeyondOwn { allowed: key.roles })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Nobody)
    }

    /// To whom that belongs what the caller uploads.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match self {
            Self::User { user, .. } => Some(Owner::User(user.id)),
            Self::Key(key) => Some(Owner::Scope(key.scope.clone())),
            Self::Nobody | Self::AuthenticationOff => None,
        }
    }

    pub(crate) fn actor(&self) -> AuditActor {
        let (kind, id, name) = match self {
            Self::Nobody => ("anonymous", None, String::new()),
            Self::User { user, .. } => ("user", Some(user.id.as_uuid()), user.login.clone()),
            Self::Key(key) => ("key", Some(key.id.as_uuid()), key.name.clone()),
            Self::AuthenticationOff => ("authentication_off", None, String::new()),
        };
        AuditActor {
            kind: kind.to_owned(),
            id,
            name,
        }
    }

    /// Who gives feedback.
    pub(crate) fn feedback_user(&self) -> Option<FeedbackUser> {
        let (id, name): (Uuid, &str) = match self {
            Self::User { user, .. } => (user.id.as_uuid(), &user.display_name),
            Self::Key(key) => (key.id.as_uuid(), &key.name),
            Self::Nobody | Self::AuthenticationOff => return None,
        };
        Some(FeedbackUser {
            id: Some(id),
            name: name.to_owned(),
        })
    }
}

/// A person with a password here, and the session: keys have no second factor, and people of OpenID Connect their provider's.
pub(crate) fn local_person(caller: &Caller) -> Result<(&User, &CallerSession), ApiError> {
    match caller {
        Caller::User { user, .. } if user.openid.is_some() => Err(ApiError::OpenIdAccount),
        Caller::User { user, session } => Ok((user, session)),
        Caller::AuthenticationOff => Err(ApiError::AuthenticationOff),
        Caller::Key(_) | Caller::Nobody => Err(ApiError::OnlyForSessions),
    }
}

/// What the caller was let in to do. A handler takes it as an argument.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) caller: Arc<Caller>,
    /// Whether only what the caller uploaded is visible.
    pub(crate) is_limited_to_own: bool,
    /// Whoever holds one of these is let in; empty where none is needed.
    pub(crate) allowed: Roles,
}

impl Access {
    /// For lists: the owner that they are limited to.
    pub(crate) fn visible_owner(&self) -> Option<Owner> {
        self.is_limited_to_own.then(|| self.caller.owner()).flatten()
    }
}

impl FromRequest for Access {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let access = request.extensions().get::<Self>().cloned();
        // Without the middleware nobody is let in.
        std::future::ready(access.ok_or(ApiError::NotAuthenticated))
    }
}

/// What a handler adds to the audit event of its request.
#[derive(Debug, Default)]
pub(crate) struct NoteValues {
    pub(crate) actor: Option<AuditActor>,
    pub(crate) object_id: Option<String>,
    pub(crate) patient_id: Option<PatientId>,
    /// A second patient whom the request concerns: with an event of their own.
    pub(crate) also_patient: Option<PatientId>,
    pub(crate) scan_id: Option<ScanId>,
    pub(crate) detail: Option<String>,
    /// Where the status of the answer does not tell it.
    pub(crate) outcome: Option<AuditOutcome>,
}

/// The notes of one request, shared by its handler and the middleware.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Rc<RefCell<NoteValues>>);

impl Notes {
    pub(crate) fn object(&self, id: impl std::fmt::Display) {
        self.0.borrow_mut().object_id = Some(id.to_string());
    }

    pub(crate) fn patient(&self, id: Option<PatientId>) {
        self.0.borrow_mut().patient_id = id;
    }

    /// The request concerns this patient too.
    pub(crate) fn also_patient(&self, id: PatientId) {
        self.0.borrow_mut().also_patient = Some(id);
    }

    pub(crate) fn scan(&self, id: ScanId) {
        self.0.borrow_mut().scan_id = Some(id);
    }

    /// Words for the trail: nothing of a patient.
    pub(crate) fn detail(&self, detail: impl Into<String>) {
        self.0.borrow_mut().detail = Some(detail.into());
    }

    /// The same, after what was said already.
    pub(crate) fn add_detail(&self, detail: impl std::fmt::Display) {
        let mut values = self.0.borrow_mut();
        values.detail = Some(match values.detail.take() {
            Some(said) => format!("{said}; {detail}"),
            None => detail.to_string(),
        });
    }

    /// The second patient, once.
    pub(crate) fn take_also_patient(&self) -> Option<PatientId> {
        self.0.borrow_mut().also_patient.take()
    }

    /// Refused, though the answer is a redirection.
    pub(crate) fn refused(&self, why: &str) {
        self.detail(why);
        self.0.borrow_mut().outcome = Some(AuditOutcome::Refused);
    }

    /// Who the caller turned out to be.
    pub(crate) fn user(&self, user: &User) {
        self.0.borrow_mut().actor = Some(AuditActor {
            kind: "user".to_owned(),
            id: Some(user.id.as_uuid()),
            name: user.login.clone(),
        });
    }

    pub(crate) fn take(&self) -> NoteValues {
        self.0.take()
    }
}

impl FromRequest for Notes {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let notes = request.extensions().get::<Self>().cloned();
        std::future::ready(Ok(notes.unwrap_or_default()))
    }
}
