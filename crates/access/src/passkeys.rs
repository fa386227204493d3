//! Passkeys (Web Authentication, level 3): what a browser is asked for, and whether what its authenticator answered is believed.

use std::net::IpAddr;

use http::Uri;
use passki::{
    AuthenticationCredential, AuthenticationOptions, AuthenticationState, AuthenticatorTransport, Passki,
    PasskiError, RegistrationCredential, RegistrationOptions, RegistrationState, ResidentKeyRequirement,
    StoredPasskey, UserVerificationRequirement,
};
use serde_json::Value;

/// How long the browser waits for a person, in milliseconds.
const PATIENCE_MS: u64 = 120_000;
/// COSE algorithms that a key is taken of: EdDSA, ES256, ES384, RS256 and RS384.
const ALGORITHMS: [i32; 5] = [-8, -7, -35, -257, -258];
/// Web Authentication, section 7.1, step 27: longer ones are no authenticator's.
const LONGEST_CREDENTIAL_ID: usize = 1023;
/// Place and bits of the flags in authenticator data (section 6.1).
const FLAGS_AT: usize = 32;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;

/// Why the answer of an authenticator is not believed. In words for the audit trail: nothing that was sent is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    #[error("the answer is none of Web Authentication")]
    Malformed,
    #[error("of a page elsewhere")]
    OtherOrigin,
    #[error("of another challenge")]
    OtherChallenge,
    #[error("for another site")]
    OtherSite,
    #[error("nobody touched the authenticator")]
    NobodyThere,
    #[error("the authenticator did not verify who used it")]
    NotVerified,
    #[error("a passkey that was not asked for, or of somebody else")]
    OtherPasskey,
    #[error("the signature is wrong")]
    WrongSignature,
    #[error("the counter went back: there may be a copy of the passkey")]
    CounterWentBack,
    #[error("a kind of key that is not taken")]
    OtherAlgorithm,
}

/// What is kept of a passkey: nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    pub credential_id: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    /// COSE.
    pub algorithm: i32,
    /// What the authenticator counted at the last use; 0 where it does not count.
    pub counter: u32,
    /// How browsers reach it, comma-separated.
    pub transports: String,
    /// Whether it may lie on several devices of its owner. Never changes.
    pub is_backup_eligible: bool,
}

impl From<&Passkey> for StoredPasskey {
    fn from(passkey: &Passkey) -> Self {
        let mut stored = Self::default();
        stored.credential_id.clone_from(&passkey.credential_id);
        stored.public_key.clone_from(&passkey.public_key);
        stored.algorithm = passkey.algorithm;
        stored.counter = passkey.counter;
        stored.transports = passkey.transports.split(',').filter_map(transport).collect();
        stored.be = passkey.is_backup_eligible;
        stored
    }
}

fn transport(name: &str) -> Option<AuthenticatorTransport> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

fn transport_name(transport: AuthenticatorTransport) -> Option<String> {
    let name = serde_json::to_value(transport).ok()?;
    name.as_str().map(str::to_owned)
}

/// Whose a passkey becomes.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyOwner<'words> {
    /// What the authenticator answers with: the account's identifier, and nothing that names a person.
    pub id: [u8; 16],
    pub login: &'words str,
    pub display_name: &'words str,
}

/// One challenge: what goes to the browser, and what has to be known again when its answer comes. Good for one answer.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// For `navigator.credentials`, in the JSON of Web Authentication.
    pub options: Value,
    pub state: String,
}

/// An authenticator's answer to a sign-in, of which nothing is believed yet.
pub struct Assertion {
    sent: AuthenticationCredential,
    credential_id: Vec<u8>,
}

impl Assertion {
    /// # Errors
    /// [`PasskeyRefusal::Malformed`].
    pub fn parse(sent: Value) -> Result<Self, PasskeyRefusal> {
        let sent: AuthenticationCredential =
            serde_json::from_value(sent).map_err(|_| PasskeyRefusal::Malformed)?;
        let credential_id = Passki::base64_decode(&sent.raw_id).map_err(|_| PasskeyRefusal::Malformed)?;
        Ok(Self { sent, credential_id })
    }

    /// Of the passkey that it says it is of.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    fn flags(&self) -> Result<u8, PasskeyRefusal> {
        let data = Passki::base64_decode(&self.sent.response.authenticator_data)
            .map_err(|_| PasskeyRefusal::Malformed)?;
        data.get(FLAGS_AT).copied().ok_or(PasskeyRefusal::Malformed)
    }
}

/// A use that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedPasskey {
    pub counter: u32,
    /// Whether the authenticator verified who used it, by PIN or body.
    pub is_user_verified: bool,
}

/// The site that passkeys are made for: browsers use them there alone.
pub struct RelyingParty(Passki);

impl RelyingParty {
    /// Of the address that browsers reach the installation by. None where they make no passkeys for it: it is no name but an
    /// address of IP, or neither under TLS nor this machine.
    pub fn of(public_url: &str, name: &str) -> Option<Self> {
        let url: Uri = public_url.parse().ok()?;
        let host = url.host()?.to_ascii_lowercase();
        if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let is_this_machine = host == "localhost" || host.ends_with(".localhost");
        let scheme = url.scheme_str()?;
        let usual_port = match scheme {
            "https" => 443,
            "http" if is_this_machine => 80,
            _ => return None,
        };
        let origin = match url.port_u16().filter(|port| *port != usual_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Some(Self(Passki::new(&host, &[origin], name)))
    }

    /// Asks for a new passkey, on no authenticator that holds one of `known`.
    ///
    /// # Errors
    /// [`PasskeyRefusal::Malformed`] where what is known cannot be said to a browser.
    pub fn begin_registration(
        &self,
        owner: PasskeyOwner<'_>,
        known: &[Passkey],
    ) -> Result<Ceremony, PasskeyRefusal> {
        let known: Vec<StoredPasskey> = known.iter().map(StoredPasskey::from).collect();
        let mut options = RegistrationOptions::default();
        options.timeout = PATIENCE_MS;
        options.resident_key = ResidentKeyRequirement::Preferred;
        options.user_verification = UserVerificationRequirement::Preferred;
        options.exclude_credentials = Some(&known);
        let (challenge, state) = self
            .0
            .start_passkey_registration(&owner.id, owner.login, owner.display_name, options)
            .map_err(PasskeyRefusal::from)?;
        Ok(Ceremony {
            options: serde_json::to_value(challenge).map_err(|_| PasskeyRefusal::Malformed)?,
            state: serde_json::to_string(&state).map_err(|_| PasskeyRefusal::Malformed)?,
        })
    }

    /// The passkey that an authenticator made for a challenge.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn finish_registration(&self, state: &str, sent: Value) -> Result<Passkey, PasskeyRefusal> {
        let state: RegistrationState =
            serde_json::from_str(state).map_err(|_| PasskeyRefusal::OtherChallenge)?;
        let sent: RegistrationCredential =
            serde_json::from_value(sent).map_err(|_| PasskeyRefusal::Malformed)?;
        let made = self
            .0
            .finish_passkey_registration(&sent, &state)
            .map_err(PasskeyRefusal::from)?;
        if !ALGORITHMS.contains(&made.algorithm) {
            return Err(PasskeyRefusal::OtherAlgorithm);
        }
        if made.credential_id.is_empty() || made.credential_id.len() > LONGEST_CREDENTIAL_ID {
            return Err(PasskeyRefusal::Malformed);
        }
        let transports: Vec<String> = made
            .transports
            .iter()
            .copied()
            .filter_map(transport_name)
            .collect();
        Ok(Passkey {
            credential_id: made.credential_id,
            public_key: made.public_key,
            algorithm: made.algorithm,
            counter: made.counter,
            transports: transports.join(","),
            is_backup_eligible: made.be,
        })
    }

    /// Asks for one of these passkeys; of none: for any that the authenticator has for this site. `verifies`: the authenticator
    /// verifies who uses it, by PIN or body, so that the passkey stands for a password too.
    ///
    /// # Errors
    /// [`PasskeyRefusal::Malformed`] where what is known cannot be said to a browser.
    pub fn begin_sign_in(&self, allowed: &[Passkey], verifies: bool) -> Result<Ceremony, PasskeyRefusal> {
        let allowed: Vec<StoredPasskey> = allowed.iter().map(StoredPasskey::from).collect();
        let mut options = AuthenticationOptions::default();
        options.timeout = PATIENCE_MS;
        options.user_verification = if verifies {
            UserVerificationRequirement::Required
        } else {
            UserVerificationRequirement::Discouraged
        };
        let (challenge, state) = self
            .0
            .start_passkey_authentication(&allowed, options)
            .map_err(PasskeyRefusal::from)?;
        Ok(Ceremony {
            options: serde_json::to_value(challenge).map_err(|_| PasskeyRefusal::Malformed)?,
            state: serde_json::to_string(&state).map_err(|_| PasskeyRefusal::Malformed)?,
        })
    }

    /// Whether an answer to a challenge was made with the passkey, which is of the account `owner`.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn finish_sign_in(
        &self,
        state: &str,
        assertion: &Assertion,
        passkey: &Passkey,
        owner: [u8; 16],
    ) -> Result<UsedPasskey, PasskeyRefusal> {
        let state: AuthenticationState =
            serde_json::from_str(state).map_err(|_| PasskeyRefusal::OtherChallenge)?;
        if assertion.credential_id != passkey.credential_id {
            return Err(PasskeyRefusal::OtherPasskey);
        }
        let result = match self.believed(&state, assertion, passkey) {
            Ok(result) => result,
            // Said by whoever has the passkey, and by nobody else: only then there is a copy.
            Err(PasskeyRefusal::CounterWentBack) => {
                let uncounted = Passkey {
                    counter: 0,
                    ..passkey.clone()
                };
                self.believed(&state, assertion, &uncounted)?;
                return Err(PasskeyRefusal::CounterWentBack);
            }
            Err(other) => return Err(other),
        };
        let flags = assertion.flags()?;
        if (flags & BACKUP_ELIGIBLE != 0) != passkey.is_backup_eligible {
            return Err(PasskeyRefusal::OtherPasskey);
        }
        match result.user_handle {
            Some(handle) if handle == owner => {}
            // Where one of several was asked for by name, an authenticator need not say whose it is.
            None if !state.allowed_credentials.is_empty() => {}
            _ => return Err(PasskeyRefusal::OtherPasskey),
        }
        Ok(UsedPasskey {
            counter: result.counter,
            is_user_verified: flags & USER_VERIFIED != 0,
        })
    }

    fn believed(
        &self,
        state: &AuthenticationState,
        assertion: &Assertion,
        passkey: &Passkey,
    ) -> Result<passki::AuthenticationResult, PasskeyRefusal> {
        self.0
            .finish_passkey_authentication(&assertion.sent, state, &passkey.into())
            .map_err(PasskeyRefusal::from)
    }
}

impl From<PasskiError> for PasskeyRefusal {
    fn from(error: PasskiError) -> Self {
        match error {
            PasskiError::OriginMismatch { .. }
            | PasskiError::CrossOriginNotAllowed
            | PasskiError::TopOriginMismatch { .. } => Self::OtherOrigin,
            PasskiError::ChallengeMismatch | PasskiError::ClientDataTypeMismatch { .. } => {
                Self::OtherChallenge
            }
            PasskiError::RpIdHashMismatch => Self::OtherSite,
            PasskiError::UserNotPresent => Self::NobodyThere,
            PasskiError::UserVerificationRequired => Self::NotVerified,
            PasskiError::CredentialNotAllowed | PasskiError::CredentialIdMismatch => Self::OtherPasskey,
            PasskiError::SignatureVerificationFailed => Self::WrongSignature,
            PasskiError::CounterRegression => Self::CounterWentBack,
            PasskiError::UnsupportedAlgorithm(_) => Self::OtherAlgorithm,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Option<(String, String)> {
        let RelyingParty(party) = RelyingParty::of(url, "Norma")?;
        Some((party.rp_id, party.rp_origins.join(" ")))
    }

    #[test]
    fn the_site_is_that_of_the_settings() {
        for (url, id, origin) in [
            ("https://Norma.example", "norma.example", "https://norma.example"),
            (
                "https://norma.example:443",
                "norma.example",
                "https://norma.example",
            ),
            (
                "https://norma.example:8443",
                "norma.example",
                "https://norma.example:8443",
            ),
            (
                "https://norma.example/ct",
                "norma.example",
                "https://norma.example",
            ),
            ("http://localhost:8080", "localhost", "http://localhost:8080"),
        ] {
            assert_eq!(site(url), Some((id.to_owned(), origin.to_owned())), "{url}");
        }
    }

    #[test]
    fn browsers_make_none_for_addresses_nor_in_the_clear() {
        for url in [
            "http://norma.example",
            "https://192.0.2.7",
            "https://[2001:db8::7]:8443",
            "http://127.0.0.1:8080",
            "http://localhost.example",
            "norma.example",
            "",
        ] {
            assert_eq!(site(url), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_as_such() {
        let party = RelyingParty::of("https://norma.example", "Norma").unwrap();
        let owner = PasskeyOwner {
            id: [7; 16],
            login: "anna",
            display_name: "Anna",
        };
        let begun = party.begin_registration(owner, &[]).unwrap();
        for sent in [
            Value::Null,
            serde_json::json!({}),
            serde_json::json!({"rawId": "AA", "response": {}}),
        ] {
            let refused = party.finish_registration(&begun.state, sent.clone()).unwrap_err();
            assert_eq!(refused, PasskeyRefusal::Malformed);
            assert_eq!(Assertion::parse(sent).err(), Some(PasskeyRefusal::Malformed));
        }
        let again = party.begin_registration(owner, &[]).unwrap();
        assert_ne!(begun.options["challenge"], again.options["challenge"]);
        assert_eq!(begun.options["attestation"], "none");
    }
}
