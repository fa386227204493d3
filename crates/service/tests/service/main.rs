//! The worker loop and the background tasks, over a fresh SQLite file, a folder and the in-process queue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod background;
mod installation;
mod retention;
mod support;
mod thresholds;
mod worker_loop;
