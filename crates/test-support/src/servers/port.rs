use std::net::{Ipv4Addr, TcpListener};

use rand::Rng;

/// A free port below 32768: above lie the ports that the kernel gives to outgoing connections, any of which may take
/// it between two starts of the same server.
pub fn free_port() -> u16 {
    loop {
        let port = rand::rng().random_range(15_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
