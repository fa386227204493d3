//! Who may call.

use std::net::IpAddr;
use std::str::FromStr;

use crate::ae_title::AeTitle;
use crate::tls::Fingerprint;

/// A peer that may call: `TITLE`, or `TITLE@address` where it calls from there alone; `*` stands for any title. With `#` and the
/// fingerprint of a certificate behind it, only whoever shows that by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedPeer {
    /// None for any.
    title: Option<AeTitle>,
    /// None for any.
    address: Option<IpAddr>,
    /// None for any, and none at all.
    certificate: Option<Fingerprint>,
}

/// A text that names no peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a peer is written TITLE or TITLE@address, with * for any title, and #fingerprint behind it for a certificate"
)]
pub struct InvalidPeer;

impl AllowedPeer {
    fn allows(&self, title: &AeTitle, address: IpAddr, certificate: Option<Fingerprint>) -> bool {
        self.title.as_ref().is_none_or(|allowed| allowed == title)
            && self
                .address
                .is_none_or(|allowed| allowed.to_canonical() == address.to_canonical())
            && self.certificate.is_none_or(|pinned| Some(pinned) == certificate)
    }
}

impl FromStr for AllowedPeer {
    type Err = InvalidPeer;

    fn from_str(text: &str) -> Result<Self, InvalidPeer> {
        // A title may hold an @ itself.
        let (text, certificate) = match text.rsplit_once('#') {
            Some((peer, fingerprint)) => (peer, Some(fingerprint.parse().map_err(|_| InvalidPeer)?)),
            None => (text, None),
        };
        let (title, address) = match text.rsplit_once('@') {
            Some((title, address)) => (title, Some(address.trim().parse().map_err(|_| InvalidPeer)?)),
            None => (text, None),
        };
        let title = match title.trim() {
            "*" => None,
            title => Some(title.parse().map_err(|_| InvalidPeer)?),
        };
        Ok(Self {
            title,
            address,
            certificate,
        })
    }
}

/// Whether a peer may call. Where none is named, those of this machine may.
pub(crate) fn is_allowed(
    peers: &[AllowedPeer],
    title: &AeTitle,
    address: IpAddr,
    certificate: Option<Fingerprint>,
) -> bool {
    if peers.is_empty() {
        return address.to_canonical().is_loopback();
    }
    peers.iter().any(|peer| peer.allows(title, address, certificate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_known_by_title_and_address() {
        let of = |texts: &[&str], title: &str, address: &str| {
            let peers: Vec<AllowedPeer> = texts.iter().map(|text| text.parse().unwrap()).collect();
            is_allowed(&peers, &title.parse().unwrap(), address.parse().unwrap(), None)
        };
        assert!(of(&[], "ANY", "127.0.0.1") && of(&[], "ANY", "::ffff:127.0.0.1"));
        assert!(!of(&[], "ANY", "10.0.0.5"));
        assert!(of(&["CT1"], "CT1", "10.0.0.5") && !of(&["CT1"], "CT2", "127.0.0.1"));
        assert!(of(&["CT1@10.0.0.5"], "CT1", "10.0.0.5") && !of(&["CT1@10.0.0.5"], "CT1", "10.0.0.6"));
        assert!(of(&["X", "*@::1"], "CT1", "::1") && !of(&["X", "*@::1"], "CT1", "::2"));
        let (one, other) = ("ab".repeat(32), "cd".repeat(32));
        let pinned: AllowedPeer = format!("CT1@10.0.0.5#{one}").parse().unwrap();
        let shows = |fingerprint: &str| {
            let certificate = fingerprint.parse().ok();
            is_allowed(
                std::slice::from_ref(&pinned),
                &"CT1".parse().unwrap(),
                "10.0.0.5".parse().unwrap(),
                certificate,
            )
        };
        assert!(shows(&one) && !shows(&other) && !shows(""));
        assert_eq!("CT1#ab".parse::<AllowedPeer>(), Err(InvalidPeer));
        assert_eq!("CT1@host".parse::<AllowedPeer>(), Err(InvalidPeer));
        assert_eq!("".parse::<AllowedPeer>(), Err(InvalidPeer));
    }
}
