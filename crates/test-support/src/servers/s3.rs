use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::guarded::GuardedProcess;
use super::is_installed;
use super::port::free_port;

const READY_PATIENCE: Duration = Duration::from_secs(60);

/// A private server that speaks S3 on loopback: moto, which keeps its buckets in memory and checks no signature.
pub struct S3 {
    // The server is dropped before its folder.
    server: GuardedProcess,
    _folder: TempDir,
    port: u16,
    buckets: AtomicU32,
}

impl S3 {
    /// Starts one; None where moto is not installed (a panic where CI is set). `scripts/setup test` installs it.
    pub fn start() -> Option<Self> {
        let packages = packages();
        if !is_installed(packages.join("moto/server.py").to_str()?) {
            return None;
        }
        Some(Self::try_start(&packages).expect("a private S3 server starts"))
    }

    /// The one that all tests of this process share; ended with the process.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<S3>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// `http://…`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The name of a new, empty bucket.
    pub fn fresh_bucket(&self) -> String {
        let name = format!("bucket-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        let answer = self
            .ask("PUT", &format!("/{name}"))
            .expect("the server makes a bucket");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        name
    }

    /// Multipart uploads of a bucket that were neither completed nor aborted.
    pub fn count_incomplete_uploads(&self, bucket: &str) -> usize {
        let answer = self
            .ask("GET", &format!("/{bucket}?uploads"))
            .expect("the server lists uploads");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.matches("<Upload>").count()
    }

    fn try_start(packages: &Path) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let port = free_port();
        let mut command = Command::new("python3");
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(port.to_string())
            .current_dir(folder.path())
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let mut s3 = Self {
            server: GuardedProcess::spawn(command, folder.path())?,
            _folder: folder,
            port,
            buckets: AtomicU32::new(0),
        };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if !s3.server.is_running() || started.elapsed() > READY_PATIENCE {
                return Err(io::Error::other("moto does not serve"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(s3)
    }

    fn ask(&self, method: &str, target: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let host = format!("127.0.0.1:{}", self.port);
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// Where `scripts/setup test` puts moto and what it needs.
fn packages() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/moto"))
}
