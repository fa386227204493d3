use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::guarded::GuardedProcess;
use super::is_installed;
use super::port::free_port;

const READY_PATIENCE: Duration = Duration::from_secs(60);
const ACCESS_KEY: &str = "norma";
const SECRET_KEY: &str = "known-to-this-test-alone";
const BUCKET: &str = "norma";

/// A private S3 server on loopback that keeps what it was given: `SeaweedFS`, which checks signatures.
/// `scripts/setup chaos` installs it.
pub struct SeaweedFs {
    // The server is dropped before its folder.
    server: GuardedProcess,
    folder: TempDir,
    data: PathBuf,
    ports: [u16; 8],
}

impl SeaweedFs {
    /// Starts one with an empty bucket, its data in `data`; None where it is not installed (a panic where CI is set).
    pub fn start_in(data: &Path) -> Option<Self> {
        let program = program();
        if !is_installed(program.to_str()?) {
            return None;
        }
        Some(Self::try_start(data).expect("a private SeaweedFS starts"))
    }

    /// `http://…`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[6])
    }

    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// Access key and secret.
    pub fn credentials(&self) -> [&'static str; 2] {
        [ACCESS_KEY, SECRET_KEY]
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// After `kill`: the same data on the same ports.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.server = spawn(self.folder.path(), &self.data, self.ports)?;
        self.wait_until_ready()
    }

    pub fn freeze(&self) {
        self.server.freeze();
    }

    pub fn thaw(&self) {
        self.server.thaw();
    }

    fn try_start(data: &Path) -> io::Result<Self> {
        let folder = TempDir::new()?;
        std::fs::create_dir_all(data)?;
        let identities = format!(
            r#"{{"identities":[{{"name":"{ACCESS_KEY}","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],"actions":["Admin","Read","Write","List"]}}]}}"#
        );
        std::fs::write(folder.path().join("identities.json"), identities)?;
        let ports = std::array::from_fn(|_| free_port());
        let mut seaweedfs = Self {
            server: spawn(folder.path(), data, ports)?,
            folder,
            data: data.to_owned(),
            ports,
        };
        seaweedfs.wait_until_ready()?;
        seaweedfs.make_bucket()?;
        Ok(seaweedfs)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let started = Instant::now();
        while !curl(&[&format!("{}/healthz", self.endpoint())])? {
            if !self.server.is_running() || started.elapsed() > READY_PATIENCE {
                return Err(io::Error::other("SeaweedFS does not serve"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    fn make_bucket(&self) -> io::Result<()> {
        let user = format!("{ACCESS_KEY}:{SECRET_KEY}");
        let url = format!("{}/{BUCKET}", self.endpoint());
        let started = Instant::now();
        while !curl(&[
            "-X",
            "PUT",
            "--aws-sigv4",
            "aws:amz:us-east-1:s3",
            "--user",
            &user,
            &url,
        ])? {
            if started.elapsed() > READY_PATIENCE {
                return Err(io::Error::other("SeaweedFS makes no bucket"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

/// Whether the answer was a success.
fn curl(arguments: &[&str]) -> io::Result<bool> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--fail", "--max-time", "10"])
        .args(arguments)
        .stdout(Stdio::null());
    Ok(command.status()?.success())
}

/// Each part of the server listens on two ports: HTTP and gRPC.
fn spawn(folder: &Path, data: &Path, ports: [u16; 8]) -> io::Result<GuardedProcess> {
    let mut command = Command::new(program());
    command
        .arg("server")
        .args([
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-volume.max=0",
            "-s3",
        ])
        .args([
            "-master.volumeSizeLimitMB=32",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ])
        .arg(format!("-dir={}", data.display()))
        .arg(format!("-s3.config={}", folder.join("identities.json").display()))
        .current_dir(folder);
    for (part, pair) in ["master", "volume", "filer", "s3"].iter().zip(ports.chunks(2)) {
        command
            .arg(format!("-{part}.port={}", pair[0]))
            .arg(format!("-{part}.port.grpc={}", pair[1]));
    }
    GuardedProcess::spawn(command, &folder.join("of-guard"))
}

/// Where `scripts/setup chaos` puts it.
fn program() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../.tools/seaweedfs/bin/weed"
    ))
}
