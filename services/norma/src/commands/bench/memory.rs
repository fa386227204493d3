//! How much memory the service and its children hold.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(100);

/// Looks ten times a second.
pub(super) struct MemoryWatch {
    running: Sender<()>,
    looking: JoinHandle<u64>,
}

impl MemoryWatch {
    pub(super) fn start() -> Self {
        let (running, ended) = mpsc::channel();
        let looking = std::thread::spawn(move || {
            let mut most = held_kib(std::process::id());
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                most = most.max(held_kib(std::process::id()));
            }
            most
        });
        Self { running, looking }
    }

    /// The most that was seen, MiB: the proportional set sizes of this process and all below it.
    pub(super) fn most_mib(self) -> u64 {
        drop(self.running);
        self.looking.join().unwrap_or_default() / 1024
    }
}

/// Of a process and of those below it. One that has ended meanwhile holds nothing.
fn held_kib(process: u32) -> u64 {
    let own = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let children = threads.into_iter().flatten().flatten().map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        children.map(held_kib).sum::<u64>()
    });
    proportional_kib(&own) + children.sum::<u64>()
}

/// What smaps_rollup (proc(5)) says of the proportional set size.
fn proportional_kib(rollup: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{MemoryWatch, held_kib, proportional_kib};

    #[test]
    fn the_proportional_size_is_read() {
        let rollup = "Rss:   20 kB\nPss:            1234 kB\nPss_Anon:     1000 kB\n";
        assert_eq!(proportional_kib(rollup), 1234);
        assert_eq!(proportional_kib(""), 0);
    }

    #[test]
    fn a_process_holds_something_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(held_kib(child.id()) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(held_kib(child.id()), 0);
        assert!(MemoryWatch::start().most_mib() > 0);
    }
}
