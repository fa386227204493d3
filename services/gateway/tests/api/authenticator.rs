//! An authenticator in software, and the browser that asks it: what they answer, right and wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Flags of authenticator data (Web Authentication, section 6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const ATTESTED: u8 = 0x40;

/// A passkey, and what its authenticator says when it is asked: tests change it.
#[derive(Clone)]
pub(crate) struct Authenticator {
    key: SigningKey,
    pub(crate) credential_id: Vec<u8>,
    /// Counted up before each answer; None: it does not count.
    pub(crate) counter: Option<u32>,
    pub(crate) verifies: bool,
    pub(crate) is_present: bool,
    is_synced: bool,
    /// The page that asks, as the browser names it.
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) is_framed: bool,
    /// What a browser was told at registration.
    user_handle: String,
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// CBOR: the head of a text, of bytes (RFC 8949, section 3).
fn head(major: u8, length: usize) -> Vec<u8> {
    let major = major << 5;
    match length {
        0..24 => vec![major | u8::try_from(length).unwrap()],
        24..256 => vec![major | 24, u8::try_from(length).unwrap()],
        _ => [&[major | 25][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    }
}

fn text(word: &str) -> Vec<u8> {
    [head(3, word.len()), word.as_bytes().to_vec()].concat()
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len()), value.to_vec()].concat()
}

impl Authenticator {
    pub(crate) fn new(seed: u8, origin: &str, rp_id: &str) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            credential_id: vec![seed; 20],
            counter: Some(0),
            verifies: true,
            is_present: true,
            is_synced: false,
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            is_framed: false,
            user_handle: String::new(),
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.is_framed,
        })
        .to_string()
        .into_bytes()
    }

    fn data(&mut self, flags: u8) -> Vec<u8> {
        self.counter = self.counter.map(|counter| counter + 1);
        let mut flags = flags;
        for (is_set, flag) in [
            (self.is_present, PRESENT),
            (self.verifies, VERIFIED),
            (self.is_synced, BACKUP_ELIGIBLE),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.unwrap_or(0).to_be_bytes());
        data
    }

    /// COSE_Key of ES256: kty, alg, crv, x, y.
    fn public_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        [
            vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21],
            bytes(&point[1..33]),
            vec![0x22],
            bytes(&point[33..]),
        ]
        .concat()
    }

    /// `navigator.credentials.create`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.user_handle = options["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.data(ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential_id.len()).unwrap().to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.public_key());
        let object = [
            vec![0xa3],
            text("fmt"),
            text("none"),
            text("attStmt"),
            vec![0xa0],
            text("authData"),
            bytes(&data),
        ]
        .concat();
        let id = encoded(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&self.client_data("webauthn.create", options)),
                "attestationObject": encoded(&object),
                "transports": ["internal", "hybrid"],
            },
        })
    }

    /// `navigator.credentials.get`.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.answer("webauthn.get", options)
    }

    /// The same, of another kind than it was asked for.
    pub(crate) fn answer(&mut self, kind: &str, options: &Value) -> Value {
        let client_data = self.client_data(kind, options);
        let data = self.data(0);
        let signed = [data.clone(), Sha256::digest(&client_data).to_vec()].concat();
        let signature: Signature = self.key.sign(&signed);
        let id = encoded(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encoded(&client_data),
                "authenticatorData": encoded(&data),
                "signature": encoded(signature.to_der().as_bytes()),
                "userHandle": self.user_handle,
            },
        })
    }

    /// Another authenticator that says it has this one's passkey.
    pub(crate) fn forged(&self) -> Self {
        Self {
            key: SigningKey::from_slice(&[99; 32]).unwrap(),
            ..self.clone()
        }
    }

    /// The same, which says now that it may lie on several devices.
    pub(crate) fn synced(&self) -> Self {
        Self {
            is_synced: true,
            ..self.clone()
        }
    }

    /// As whose it answers.
    pub(crate) fn of_another(&self, other: &Self) -> Self {
        Self {
            user_handle: other.user_handle.clone(),
            ..self.clone()
        }
    }
}
