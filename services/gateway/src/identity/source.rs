//! Where a request came from.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use actix_web::http::header;

/// Where the request came from: the peer, or what a trusted proxy says of it.
pub(crate) fn source_address(request: &HttpRequest, trusted_proxies: &[IpAddr]) -> Option<IpAddr> {
    let mut source = request.peer_addr()?.ip();
    // From the nearest to the farthest; whoever is not trusted may write what it likes beyond itself.
    let said: Vec<&str> = request
        .headers()
        .get_all(header::X_FORWARDED_FOR)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for address in said.into_iter().rev() {
        if !trusted_proxies.contains(&source) {
            break;
        }
        match address.trim().parse() {
            Ok(address) => source = address,
            Err(_) => break,
        }
    }
    Some(source)
}

/// What requests of one source have in common. A household of IPv6 has 2⁶⁴ addresses: its network counts as one.
pub(crate) fn source_key(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Some(address) => address.to_canonical().to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let key = |text: &str| source_key(Some(text.parse().unwrap()));
        assert_eq!(key("2001:db8:1:2::3"), key("2001:db8:1:2:ffff::4"));
        assert_ne!(key("2001:db8:1:2::3"), key("2001:db8:1:3::3"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let from = |peer: &str, said: &str| {
            let request = TestRequest::default()
                .peer_addr(format!("{peer}:1000").parse().unwrap())
                .insert_header((header::X_FORWARDED_FOR, said))
                .to_http_request();
            source_address(&request, &proxies).unwrap().to_string()
        };
        assert_eq!(from("192.0.2.9", "203.0.113.5"), "192.0.2.9");
        assert_eq!(from("10.0.0.1", "203.0.113.5"), "203.0.113.5");
        assert_eq!(from("10.0.0.1", "198.51.100.1, 203.0.113.5"), "203.0.113.5");
        assert_eq!(from("10.0.0.1", "203.0.113.5, 10.0.0.2"), "203.0.113.5");
        assert_eq!(from("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
