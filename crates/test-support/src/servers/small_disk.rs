use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const BALLAST: &str = "ballast";

/// A disk of its own that can be filled: a tmpfs. Only root may mount one.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// None where the tests may not mount anything.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let folder = TempDir::new().ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={mebibytes}m,mode=0755"))
            .arg("tmpfs")
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Until not one byte more can be written.
    ///
    /// # Errors
    /// Where it fails for another reason than that.
    pub fn fill(&self) -> io::Result<()> {
        let mut ballast = File::create(self.folder().join(BALLAST))?;
        let mut piece = vec![0_u8; 1 << 20];
        loop {
            match ballast.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull && piece.len() > 1 => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes back what `fill` wrote.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn make_room(&self) -> io::Result<()> {
        fs::remove_file(self.folder().join(BALLAST))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whatever still has a file open there lets go of it later.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder()).status();
    }
}
