use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::guarded::GuardedProcess;
use super::is_installed;
use super::port::free_port;

/// Not the wrapper in /usr/sbin, which insists on its own user and folders.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const READY_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// A private RabbitMQ on loopback with a fresh folder and its own Erlang port mapper.
pub struct RabbitMq {
    // Dropped in this order: the server before its port mapper before its folder.
    server: Option<GuardedProcess>,
    _port_mapper: GuardedProcess,
    folder: TempDir,
    port: u16,
    distribution_port: u16,
    port_mapper_port: u16,
}

impl RabbitMq {
    /// Starts one; None where RabbitMQ is not installed (a panic where CI is set).
    pub fn start() -> Option<Self> {
        if !is_installed(SERVER) {
            return None;
        }
        Some(Self::try_start().expect("a private RabbitMQ starts"))
    }

    /// The one that all tests of this process share; ended with the process.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RabbitMq>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// `amqp://…` with the default account and vhost.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop("TERM", STOP_PATIENCE);
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// It stands still: clients hear nothing, and no connection is closed.
    pub fn freeze(&self) {
        if let Some(server) = &self.server {
            server.freeze();
        }
    }

    /// It goes on where it stood.
    pub fn thaw(&self) {
        if let Some(server) = &self.server {
            server.thaw();
        }
    }

    /// Starts again after `stop` or `kill`, with the same port and the same content, and waits until it serves.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.server = Some(GuardedProcess::spawn(self.command(), self.folder.path())?);
        self.wait_until_ready()
    }

    fn try_start() -> io::Result<Self> {
        let folder = TempDir::new()?;
        fs::write(folder.path().join("enabled_plugins"), "[].\n")?;
        // A small write-ahead log: the default reserves 512 MiB.
        fs::write(
            folder.path().join("rabbitmq.conf"),
            "raft.wal_max_size_bytes = 16777216\nlog.console = false\n",
        )?;
        let port_mapper_port = free_port();
        // Started here, because the one that a node starts by itself outlives the node.
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &port_mapper_port.to_string()]);
        let mut rabbitmq = Self {
            server: None,
            _port_mapper: GuardedProcess::spawn(epmd, folder.path())?,
            folder,
            port: free_port(),
            distribution_port: free_port(),
            port_mapper_port,
        };
        rabbitmq.start_again()?;
        Ok(rabbitmq)
    }

    fn command(&self) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(SERVER);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder) // where the Erlang cookie lies
            .env("LANG", "C.UTF-8")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.port_mapper_port.to_string())
            .env("RABBITMQ_NODENAME", format!("norma-{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            );
        command
    }

    fn log_file(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("log/norma-{}@localhost.log", self.port))
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let started = Instant::now();
        while !greets(self.port) {
            let is_running = self.server.as_mut().is_some_and(GuardedProcess::is_running);
            if !is_running || started.elapsed() > READY_PATIENCE {
                let log = tail(&self.log_file());
                return Err(io::Error::other(format!("RabbitMQ does not serve:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Whether something answers the protocol header of AMQP 0.9.1 (2.2.4) with a method frame.
fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut first = [0_u8];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1]
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
