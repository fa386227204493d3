//! Who may call.

use std::net::IpAddr;
use std::str::FromStr;

use crate::ae_title::AeTitle;

/// A peer that may call: `TITLE`, or `TITLE@address` where it calls from there alone; `*` stands for any title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedPeer {
    /// None for any.
    title: Option<AeTitle>,
    /// None for any.
    address: Option<IpAddr>,
}

/// A text that names no peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a peer is written TITLE or TITLE@address, with * for any title")]
pub struct InvalidPeer;

impl AllowedPeer {
    fn allows(&self, title: &AeTitle, address: IpAddr) -> bool {
        self.title.as_ref().is_none_or(|allowed| allowed == title)
            && self
                .address
                .is_none_or(|allowed| allowed.to_canonical() == address.to_canonical())
    }
}

impl FromStr for AllowedPeer {
    type Err = InvalidPeer;

    fn from_str(text: &str) -> Result<Self, InvalidPeer> {
        // A title may hold an @ itself.
        let (title, address) = match text.rsplit_once('@') {
            Some((title, address)) => (title, Some(address.trim().parse().map_err(|_| InvalidPeer)?)),
            None => (text, None),
        };
        let title = match title.trim() {
            "*" => None,
            title => Some(title.parse().map_err(|_| InvalidPeer)?),
        };
        Ok(Self { title, address })
    }
}

/// Whether a peer may call. Where none is named, those of this machine may.
pub(crate) fn is_allowed(peers: &[AllowedPeer], title: &AeTitle, address: IpAddr) -> bool {
    if peers.is_empty() {
        return address.to_canonical().is_loopback();
    }
    peers.iter().any(|peer| peer.allows(title, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_known_by_title_and_address() {
        let of = |texts: &[&str], title: &str, address: &str| {
            let peers: Vec<AllowedPeer> = texts.iter().map(|text| text.parse().unwrap()).collect();
            is_allowed(&peers, &title.parse().unwrap(), address.parse().unwrap())
        };
        assert!(of(&[], "ANY", "127.0.0.1") && of(&[], "ANY", "::ffff:127.0.0.1"));
        assert!(!of(&[], "ANY", "10.0.0.5"));
        assert!(of(&["CT1"], "CT1", "10.0.0.5") && !of(&["CT1"], "CT2", "127.0.0.1"));
        assert!(of(&["CT1@10.0.0.5"], "CT1", "10.0.0.5") && !of(&["CT1@10.0.0.5"], "CT1", "10.0.0.6"));
        assert!(of(&["X", "*@::1"], "CT1", "::1") && !of(&["X", "*@::1"], "CT1", "::2"));
        assert_eq!("CT1@host".parse::<AllowedPeer>(), Err(InvalidPeer));
        assert_eq!("".parse::<AllowedPeer>(), Err(InvalidPeer));
    }
}
