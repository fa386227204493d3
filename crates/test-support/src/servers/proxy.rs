use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::port::free_port;

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A TCP relay in front of a server that can fall silent as a host does that lost its power or its network: bytes are
/// taken and never answered, and no connection is closed or reset.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    accepted: AtomicU64,
    /// Connections with a number up to this pass nothing on.
    silent_up_to: AtomicU64,
    /// New ones are taken and pass nothing on.
    is_dead: AtomicBool,
    is_over: AtomicBool,
}

impl State {
    fn is_silent(&self, number: u64) -> bool {
        number <= self.silent_up_to.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

impl Proxy {
    /// Relays to the server of an address such as `amqp://guest@127.0.0.1:5672/`. Gives that address with the proxy's
    /// port in it, too.
    pub fn before(address: &str) -> (Self, String) {
        let (start, rest) = address
            .split_once("127.0.0.1:")
            .expect("the server is on loopback");
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let server_port = rest[..digits].parse().expect("a port stands behind the host");
        let proxy = Self::start(server_port).expect("a proxy listens");
        let proxied = format!("{start}127.0.0.1:{}{}", proxy.port, &rest[digits..]);
        (proxy, proxied)
    }

    fn start(server_port: u16) -> io::Result<Self> {
        let port = free_port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, server_port, &shared));
        Ok(Self { port, state })
    }

    /// The present connections fall silent; new ones reach the server: a standby has taken over.
    pub fn fail_over(&self) {
        let accepted = self.state.accepted.load(Ordering::SeqCst);
        self.state.silent_up_to.store(accepted, Ordering::SeqCst);
    }

    /// Present and new connections are silent.
    pub fn die(&self) {
        self.state.is_dead.store(true, Ordering::SeqCst);
        self.fail_over();
    }

    /// New connections reach the server again; those from before stay silent.
    pub fn recover(&self) {
        self.fail_over();
        self.state.is_dead.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn accept(listener: &TcpListener, server_port: u16, state: &Arc<State>) {
    for client in listener.incoming() {
        if state.is_over() {
            return;
        }
        let Ok(client) = client else { continue };
        let number = state.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            // A failure is that of the connection: its ends see it.
            let _ = serve(client, server_port, number, &state);
        });
    }
}

fn serve(client: TcpStream, server_port: u16, number: u64, state: &Arc<State>) -> io::Result<()> {
    if state.is_dead.load(Ordering::SeqCst) {
        hold(&client, state);
        return Ok(());
    }
    let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server_port)))?;
    let back = {
        let (from, to, state) = (server.try_clone()?, client.try_clone()?, Arc::clone(state));
        std::thread::spawn(move || relay(from, &to, number, &state))
    };
    let outcome = relay(client, &server, number, state);
    let _ = back.join();
    outcome
}

fn relay(mut from: TcpStream, mut to: &TcpStream, number: u64, state: &State) -> io::Result<()> {
    from.set_read_timeout(Some(LOOK_AGAIN))?;
    let mut bytes = [0_u8; 16 * 1024];
    loop {
        if state.is_silent(number) {
            hold(&from, state);
            return Ok(());
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) if !state.is_silent(number) => to.write_all(&bytes[..read])?,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => {
                let _ = to.shutdown(Shutdown::Both);
                return Err(error);
            }
        }
        if state.is_over() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    Ok(())
}

/// Keeps a connection open without a word until the proxy is dropped; what comes is taken.
fn hold(mut connection: &TcpStream, state: &State) {
    let _ = connection.set_read_timeout(Some(LOOK_AGAIN));
    let mut bytes = [0_u8; 16 * 1024];
    while !state.is_over() {
        if matches!(connection.read(&mut bytes), Ok(0)) {
            // The client gave it up.
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}
