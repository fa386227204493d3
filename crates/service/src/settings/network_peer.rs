//! What the settings of every peer on the network have to say.

use std::net::IpAddr;
use std::path::PathBuf;

const LONGEST_NAME: usize = 64;

pub(super) fn problem_of_tls(tls: bool, ca: Option<&PathBuf>, name: Option<&String>) -> Option<&'static str> {
    let is_idle = !tls && (ca.is_some() || name.is_some());
    is_idle.then_some("has tls_ca or tls_name, which go with tls: true alone")
}

pub(super) fn problem_of_address(host: Option<&str>, port: u16) -> Option<&'static str> {
    if !host.is_some_and(is_host) {
        Some("needs host, a name or an address without port")
    } else if port == 0 {
        Some("needs port")
    } else {
        None
    }
}

pub(super) fn problem_of_name(name: &str) -> Option<&'static str> {
    (!is_name(name)).then_some("has a name that is none: up to 64 lower-case letters, digits, - and _")
}

/// As the environment can name it too.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}

fn is_host(host: &str) -> bool {
    let is_address = host.parse::<IpAddr>().is_ok();
    is_address
        || host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
