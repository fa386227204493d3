use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::guarded::GuardedProcess;
use super::is_installed;
use super::port::free_port;

/// Where Debian keeps the servers, one folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";
const READY_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A private PostgreSQL on loopback with a fresh cluster. Nothing in it survives a power cut: it is set to be fast.
pub struct PostgreSql {
    server: Option<GuardedProcess>,
    folder: TempDir,
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    databases: AtomicU32,
}

/// The account that the server runs under where the tests run as root, which it refuses.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl PostgreSql {
    /// Starts one; None where PostgreSQL is not installed (a panic where CI is set).
    pub fn start() -> Option<Self> {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same with its cluster in a folder below this one.
    pub fn start_in(parent: &Path) -> Option<Self> {
        let programs = newest_programs().unwrap_or_else(|| Path::new(VERSIONS).join("bin"));
        if !is_installed(programs.join("initdb").to_str()?) {
            return None;
        }
        Some(Self::try_start(programs, parent).expect("a private PostgreSQL starts"))
    }

    /// The one that all tests of this process share; ended with the process.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgreSql>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// The address of a new, empty database.
    pub fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let created = self
            .command(&self.programs.join("createdb"))
            .args(["--host", "127.0.0.1", "--username", "norma", "--port"])
            .arg(self.port.to_string())
            .arg(&name)
            .output()
            .expect("createdb runs");
        assert!(created.status.success(), "createdb: {created:?}");
        format!("postgresql://norma@127.0.0.1:{}/{name}", self.port)
    }

    /// Makes a role as `deploy/postgresql/role.sql` does; gives the address of the database with it as its user.
    pub fn role(&self, database_url: &str, role: &str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgresql/role.sql");
        // The server's account may not read the script where it lies.
        let script = fs::File::open(script).expect("the script is there");
        let made = self
            .command(&self.programs.join("psql"))
            .args([database_url, "--no-psqlrc", "--quiet", "--file=-"])
            .arg(format!("--set=role={role}"))
            .arg("--set=password=open-sesame")
            .stdin(script)
            .output()
            .expect("psql runs");
        assert!(made.status.success(), "psql: {made:?}");
        Self::signed_in_as(database_url, role)
    }

    /// The address of a database with such a role as its user.
    pub fn signed_in_as(database_url: &str, role: &str) -> String {
        database_url.replace("//norma@", &format!("//{role}:open-sesame@"))
    }

    /// Ends it as an operator would; its clients lose their connections.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Its fast shutdown: it does not wait for its clients.
            server.stop("INT", STOP_PATIENCE);
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill_with_children();
        }
    }

    /// Whether the server is there; it ends by itself where it cannot write its log.
    pub fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(GuardedProcess::is_running)
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

    /// Starts again after `stop`, with the same port and the same content, and waits until it serves.
    pub fn start_again(&mut self) -> io::Result<()> {
        let mut command = self.command(Path::new("sh"));
        command
            .args(["-c", r#"exec "$0" "$@" >output 2>&1"#])
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.cluster())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "fsync=off"])
            .args(["-c", "synchronous_commit=off"])
            .args(["-c", "full_page_writes=off"])
            .args(["-c", "shared_buffers=32MB"])
            .args(["-c", "max_connections=300"])
            // Shared memory in the folder, which is removed whatever happens, not in /dev/shm.
            .args(["-c", "dynamic_shared_memory_type=mmap"]);
        self.server = Some(GuardedProcess::spawn(command, self.folder.path())?);
        self.wait_until_ready()
    }

    fn try_start(programs: PathBuf, parent: &Path) -> io::Result<Self> {
        let folder = TempDir::new_in(parent)?;
        let account = account_beside_root(folder.path())?;
        if let Some(account) = account {
            std::os::unix::fs::chown(folder.path(), Some(account.uid), Some(account.gid))?;
        }
        let mut postgresql = Self {
            server: None,
            folder,
            programs,
            account,
            port: free_port(),
            databases: AtomicU32::new(0),
        };
        let made = postgresql
            .command(&postgresql.programs.join("initdb"))
            .arg("-D")
            .arg(postgresql.cluster())
            .args([
                "--username=norma",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--no-instructions"])
            .output()?;
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr);
            return Err(io::Error::other(format!("initdb failed:\n{reason}")));
        }
        postgresql.start_again()?;
        Ok(postgresql)
    }

    fn cluster(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// A command under the server's account, in its folder.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .current_dir(self.folder.path());
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let started = Instant::now();
        while !self.answers()? {
            let is_running = self.server.as_mut().is_some_and(GuardedProcess::is_running);
            if !is_running || started.elapsed() > READY_PATIENCE {
                let output = fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
                return Err(io::Error::other(format!("PostgreSQL does not serve:\n{output}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn answers(&self) -> io::Result<bool> {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            return Ok(false);
        }
        let ready = self
            .command(&self.programs.join("pg_isready"))
            .args(["--quiet", "--host=127.0.0.1", "--port"])
            .arg(self.port.to_string())
            .status()?;
        Ok(ready.success())
    }
}

impl Drop for PostgreSql {
    /// Killed, it would leave its shared memory behind.
    fn drop(&mut self) {
        self.stop();
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?;
    let newest = versions
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()?;
    Some(Path::new(VERSIONS).join(newest.to_string()).join("bin"))
}

/// None where the tests do not run as root.
fn account_beside_root(own_folder: &Path) -> io::Result<Option<Account>> {
    if fs::metadata(own_folder)?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let found = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == "postgres").then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, gid })
    });
    found
        .map(Some)
        .ok_or_else(|| io::Error::other("there is no account postgres"))
}
