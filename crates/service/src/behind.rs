//! Long computations on threads that stand behind those that answer requests: whoever asks for a page does not wait until a study has
//! been read.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How far computations stand behind (the `nice` of their thread, and of threads and processes that they start).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// A person waits for it with an upload.
    Reading,
    /// It takes its turn.
    Analysis,
}

impl Behind {
    const fn nice(self) -> i32 {
        match self {
            Self::Reading => 5,
            Self::Analysis => 10,
        }
    }
}

/// Does blocking work on a thread of its own that the system prefers less; returns when it has ended. To be called from a thread that
/// may block. A panic goes on here.
pub fn run_behind<T: Send + 'static>(how: Behind, work: impl FnOnce() -> T + Send + 'static) -> T {
    let work = Arc::new(Mutex::new(Some(work)));
    let take = {
        let work = Arc::clone(&work);
        move || work.lock().unwrap_or_else(PoisonError::into_inner).take()
    };
    let runtime = tokio::runtime::Handle::try_current().ok();
    let theirs = take.clone();
    let started = thread::Builder::new()
        .name("norma-behind".to_owned())
        .spawn(move || {
            stand_behind(how);
            let _runtime = runtime.as_ref().map(tokio::runtime::Handle::enter);
            theirs().map(|work| work())
        });
    match started {
        Ok(thread) => thread
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
            .expect("a thread that was started takes the work"),
        // No more threads can be had: here, then.
        Err(_) => take().expect("nobody else took the work")(),
    }
}

/// Of this thread alone. Where the system refuses it, the work is done all the same; who was started further behind stays there.
fn stand_behind(how: Behind) {
    if rustix::process::getpriority_process(None).is_ok_and(|own| own < how.nice()) {
        let _ = rustix::process::setpriority_process(None, how.nice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn work_stands_behind_and_whoever_waits_for_it_does_not() {
        let own = nice();
        assert_eq!(run_behind(Behind::Analysis, nice), own.max(10));
        assert_eq!(run_behind(Behind::Reading, nice), own.max(5));
        assert_eq!(nice(), own);
        // What it starts does, too: a child that reads an upload, the threads of a model.
        let of_thread = run_behind(Behind::Analysis, || thread::spawn(nice).join().unwrap());
        assert_eq!(of_thread, own.max(10));
    }

    #[test]
    fn a_panic_goes_on() {
        let panicked = std::panic::catch_unwind(|| run_behind(Behind::Analysis, || panic!("as meant")));
        assert!(panicked.is_err());
    }
}
