//! Networks that a key is used from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Most networks of one key.
pub const MOST_NETWORKS: usize = 64;

/// A text that is no network, or too many of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetworks {
    #[error("{0:?} is neither an address nor a network in CIDR notation (192.0.2.0/24, 2001:db8::/32)")]
    NoNetwork(String),
    #[error("at most {MOST_NETWORKS} networks")]
    TooMany,
}

/// Networks of addresses (CIDR, RFC 4632 and RFC 4291); none of them: every address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads addresses and networks. Bits of a network's address behind its prefix are dropped.
    ///
    /// # Errors
    /// [`InvalidNetworks`]
    pub fn parse<Text: AsRef<str>>(texts: &[Text]) -> Result<Self, InvalidNetworks> {
        if texts.len() > MOST_NETWORKS {
            return Err(InvalidNetworks::TooMany);
        }
        let network = |text: &Text| {
            let text = text.as_ref().trim();
            let address = || {
                text.parse::<IpAddr>()
                    .map(|address| IpNet::from(address.to_canonical()))
            };
            text.parse::<IpNet>()
                .or_else(|_| address())
                .map(|network| network.trunc())
                .map_err(|_| InvalidNetworks::NoNetwork(text.chars().take(64).collect()))
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    /// As they are kept.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether an address is in one of them. One that is not known is in none.
    pub fn allow(&self, address: Option<IpAddr>) -> bool {
        // An address of IPv4 that comes over IPv6 is one of IPv4.
        self.0.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                self.0.iter().any(|network| network.contains(&address))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_allowed_where_a_network_holds_it() {
        let networks = Networks::parse(&["192.0.2.77/24", " 2001:db8::/32", "198.51.100.7"]).unwrap();
        assert_eq!(
            networks.texts(),
            ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"]
        );
        for (address, is_allowed) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.3.1", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:1::9", true),
            ("2001:db9::9", false),
        ] {
            assert_eq!(networks.allow(address.parse().ok()), is_allowed, "{address}");
        }
        assert!(!networks.allow(None));
        assert!(Networks::default().allow(None));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "host.example",
            "2001:db8::/129",
            "1.2.3.4,5.6.7.8",
        ] {
            assert!(Networks::parse(&[text]).is_err(), "{text}");
        }
        assert_eq!(Networks::parse(&["192.0.2.1"; 65]), Err(InvalidNetworks::TooMany));
    }
}
