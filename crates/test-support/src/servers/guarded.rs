use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Asks first, so that PostgreSQL gives back its shared memory, and insists after five seconds.
const LAST_WILL: &str = r#"
cat
kill -s TERM -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "-$1" || break
  sleep 0.5
done
kill -s KILL -- "-$1"
rm -rf -- "$2"
"#;

/// A program with one argument, whose standard error is appended to `log`.
pub fn logged_command(program: &str, argument: &str, log: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec "$0" "$1" 2>>"$2""#, program, argument])
        .arg(log);
    command
}

/// A server in a process group of its own. The group is killed when this is dropped, and also when the test process
/// ends without dropping anything (a static is never dropped): a small shell waits for the end of a pipe that only the
/// test process holds, and then removes the server's folder too.
pub struct GuardedProcess {
    child: Child,
    guard: Child,
}

impl GuardedProcess {
    pub fn spawn(mut command: Command, folder: &Path) -> io::Result<Self> {
        // Nothing of the test's own, or whoever reads the test's output would wait for the server's end.
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let guard = Command::new("sh")
            .args(["-c", LAST_WILL, "guard"])
            .arg(child.id().to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, guard })
    }

    /// Of the process itself, which leads its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9` of the whole group.
    pub fn kill(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
    }

    /// The whole group stands still, and children that have left it: they neither answer nor close anything.
    pub fn freeze(&self) {
        self.signal("STOP");
        self.signal_children("STOP");
    }

    /// It goes on where it stood.
    pub fn thaw(&self) {
        self.signal_children("CONT");
        self.signal("CONT");
    }

    /// `kill -9` of the group and of the children that have left it, all at once.
    pub fn kill_with_children(&mut self) {
        self.freeze();
        self.signal_children("KILL");
        self.kill();
    }

    fn signal_children(&self, signal: &str) {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        if children.trim().is_empty() {
            return;
        }
        // Fails where one is gone already.
        let _ = Command::new("kill")
            .arg(format!("-{signal}"))
            .args(children.split_whitespace())
            .stderr(Stdio::null())
            .status();
    }

    /// Asks it to end by a signal and waits; kills it where that takes too long.
    pub fn stop(&mut self, signal: &str, patience: Duration) {
        self.signal(signal);
        let started = Instant::now();
        while self.is_running() && started.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.kill();
    }

    fn signal(&self, signal: &str) {
        // Fails where the group is gone already.
        let _ = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg("--")
            .arg(format!("-{}", self.child.id()))
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for GuardedProcess {
    fn drop(&mut self) {
        // The group first: while the child is not waited for, nobody else can have its number.
        self.signal("KILL");
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.wait();
    }
}
