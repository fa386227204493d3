//! One challenge and its answer, whatever it is for.

use chrono::{DateTime, TimeDelta, Utc};
use norma_access::{Assertion, Passkey, PasskeyRefusal, RelyingParty, UsedPasskey, sha256};
use norma_database::{Database, PasskeyCeremony, PasskeyCredential, StoredPasskey, User};
use norma_domain::UserId;

use crate::identity::caller::Notes;
use crate::identity::passkeys::schema::PasskeyChallenge;
use crate::identity::sign_in::{Identity, Secret};
use crate::problem::{AccessProblem, ApiError};

/// How long an answer is waited for.
pub(super) const LASTS: TimeDelta = TimeDelta::minutes(5);

/// What a challenge is for: the answer to one is none to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Registration,
    /// The passkey alone: its authenticator verifies who uses it.
    SignIn,
    SignInAfterPassword,
    SignInAfterLink,
    Verification,
    VerificationAfterPassword,
}

impl Purpose {
    const ALL: [Self; 6] = [
        Self::Registration,
        Self::SignIn,
        Self::SignInAfterPassword,
        Self::SignInAfterLink,
        Self::Verification,
        Self::VerificationAfterPassword,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignIn => "sign_in",
            Self::SignInAfterPassword => "sign_in_after_password",
            Self::SignInAfterLink => "sign_in_after_link",
            Self::Verification => "verification",
            Self::VerificationAfterPassword => "verification_after_password",
        }
    }

    /// Whether nothing else was shown, so that the authenticator has to verify who uses it.
    pub(super) const fn stands_alone(self) -> bool {
        matches!(self, Self::SignIn | Self::Verification)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// What the browser alone holds that asked: a challenge is found by it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    /// The hash of a session's token. The room keeps what is asked for in it apart.
    Session { token_hash: [u8; 32], registers: bool },
    /// The hash of the token of a sign-in.
    SignIn([u8; 32]),
}

impl Holder {
    fn id_hash(self) -> [u8; 32] {
        let (room, hash): (&[u8], [u8; 32]) = match self {
            Self::Session {
                token_hash,
                registers: true,
            } => (b"registration\0", token_hash),
            Self::Session {
                token_hash,
                registers: false,
            } => (b"verification\0", token_hash),
            Self::SignIn(hash) => (b"sign_in\0", hash),
        };
        sha256(&[room, &hash].concat())
    }
}

/// A challenge to be kept.
pub(super) struct Asked<'words> {
    pub(super) purpose: Purpose,
    pub(super) holder: Holder,
    pub(super) user_id: Option<UserId>,
    pub(super) link_hash: Option<[u8; 32]>,
    /// Where nobody is known: the address.
    pub(super) source: &'words str,
}

/// A challenge that is answered.
pub(super) struct Answered {
    pub(super) purpose: Purpose,
    pub(super) user_id: Option<UserId>,
    pub(super) link_hash: Option<[u8; 32]>,
    pub(super) state: String,
}

/// Where browsers make passkeys for this installation.
pub(super) fn site(identity: &Identity) -> Result<&RelyingParty, ApiError> {
    identity.site().ok_or(AccessProblem::PasskeysOff.into())
}

/// The same, where accounts may add passkeys and sign in by them alone.
pub(super) fn offered_site(identity: &Identity) -> Result<&RelyingParty, ApiError> {
    if identity.offers_passkeys() {
        site(identity)
    } else {
        Err(AccessProblem::PasskeysOff.into())
    }
}

/// Whether the account has a passkey that browsers can be asked for here.
pub(crate) async fn has_usable_passkey(identity: &Identity, user: &User) -> Result<bool, ApiError> {
    Ok(identity.site().is_some() && !identity.database().list_passkeys(user.id).await?.is_empty())
}

pub(super) fn known(stored: &StoredPasskey) -> Passkey {
    let credential = stored.credential.clone();
    Passkey {
        credential_id: credential.credential_id,
        public_key: credential.public_key,
        algorithm: credential.algorithm,
        counter: credential.counter,
        transports: credential.transports,
        is_backup_eligible: credential.is_backup_eligible,
    }
}

pub(super) fn stored(made: Passkey) -> PasskeyCredential {
    PasskeyCredential {
        credential_id: made.credential_id,
        public_key: made.public_key,
        algorithm: made.algorithm,
        counter: made.counter,
        transports: made.transports,
        is_backup_eligible: made.is_backup_eligible,
    }
}

/// Keeps a challenge until its answer comes.
pub(super) async fn keep(
    database: &Database,
    asked: Asked<'_>,
    ceremony: norma_access::Ceremony,
) -> Result<PasskeyChallenge, ApiError> {
    let expires_at: DateTime<Utc> = Utc::now() + LASTS;
    let counted_by = match asked.user_id {
        Some(id) => format!("account\0{id}"),
        None => format!("address\0{}", asked.source),
    };
    database
        .create_passkey_ceremony(PasskeyCeremony {
            id_hash: asked.holder.id_hash(),
            purpose: asked.purpose.as_str().to_owned(),
            user_id: asked.user_id,
            link_hash: asked.link_hash,
            state: ceremony.state,
            counted_by: sha256(counted_by.as_bytes()),
            expires_at,
        })
        .await?;
    Ok(PasskeyChallenge {
        options: ceremony.options,
        expires_at,
    })
}

/// Asks for a passkey of the account; of nobody's: for any that the authenticator has.
pub(super) async fn ask_for_use(identity: &Identity, asked: Asked<'_>) -> Result<PasskeyChallenge, ApiError> {
    let site = site(identity)?;
    let allowed: Vec<Passkey> = match asked.user_id {
        Some(id) => identity
            .database()
            .list_passkeys(id)
            .await?
            .iter()
            .map(known)
            .collect(),
        None => Vec::new(),
    };
    // An empty list would ask for anybody's.
    if asked.user_id.is_some() && allowed.is_empty() {
        return Err(AccessProblem::NoPasskey.into());
    }
    let ceremony = site
        .begin_sign_in(&allowed, asked.purpose.stands_alone())
        .map_err(ApiError::internal)?;
    keep(identity.database(), asked, ceremony).await
}

/// The challenge of the browser that answers, used up by that.
pub(super) async fn take(database: &Database, holder: Holder) -> Result<Answered, ApiError> {
    let kept = database.take_passkey_ceremony(holder.id_hash()).await?;
    let known = kept.and_then(|kept| {
        Some(Answered {
            purpose: Purpose::parse(&kept.purpose)?,
            user_id: kept.user_id,
            link_hash: kept.link_hash,
            state: kept.state,
        })
    });
    known.ok_or(AccessProblem::PasskeyChallengeGone.into())
}

/// Whose passkey answered, and how. An attempt is counted and slowed down as those at a password are, before the answer is looked
/// at; `notes` say of whom it was and why it was refused.
pub(super) async fn believe(
    identity: &Identity,
    answered: &Answered,
    credential: serde_json::Value,
    source: &str,
    notes: &Notes,
) -> Result<User, ApiError> {
    let site = site(identity)?;
    let assertion = Assertion::parse(credential).map_err(|refusal| refused(notes, refusal))?;
    let database = identity.database();
    let found = database
        .passkey_of_credential(assertion.credential_id().to_vec())
        .await?;
    // Whoever is expected, not whoever is named: nobody holds another up by the name of their passkey.
    let login = match answered.user_id {
        Some(id) => database.user(id).await?.map(|user| user.login),
        None => found.as_ref().map(|(_, user)| user.login.clone()),
    };
    let attempt = identity
        .count_attempt(Secret::Passkey, &login.unwrap_or_default(), source)
        .await?;
    let Some((passkey, user)) = found else {
        return Err(refused(notes, PasskeyRefusal::OtherPasskey));
    };
    if answered.user_id.is_some_and(|expected| expected != user.id) {
        return Err(refused(notes, PasskeyRefusal::OtherPasskey));
    }
    notes.user(&user);
    let owner = user.id.as_uuid().into_bytes();
    let used: UsedPasskey = site
        .finish_sign_in(&answered.state, &assertion, &known(&passkey), owner)
        .map_err(|refusal| {
            if refusal == PasskeyRefusal::CounterWentBack {
                tracing::warn!(passkey_id = %passkey.id, "the counter of a passkey went back: there may be a copy of it");
            }
            refused(notes, refusal)
        })?;
    // Asked for, and checked by the library: checked once more, because everything hangs on it.
    if answered.purpose.stands_alone() && !used.is_user_verified {
        return Err(refused(notes, PasskeyRefusal::NotVerified));
    }
    if !database.use_passkey(passkey.id, used.counter).await? {
        return Err(refused(notes, PasskeyRefusal::CounterWentBack));
    }
    notes.detail(format!("passkey {}", passkey.id));
    identity.forget_attempt(attempt).await?;
    Ok(user)
}

pub(super) fn refused(notes: &Notes, refusal: PasskeyRefusal) -> ApiError {
    notes.detail(refusal.to_string());
    match refusal {
        PasskeyRefusal::CounterWentBack => AccessProblem::PasskeyCopied,
        _ => AccessProblem::WrongPasskey,
    }
    .into()
}
