//! Private servers for tests: started on free ports with fresh folders, ended with the test process however it
//! ends.

mod guarded;
mod port;
mod postgresql;
mod proxy;
mod rabbitmq;
mod s3;
mod seaweedfs;
mod small_disk;

pub use guarded::{GuardedProcess, logged_command};
pub use port::free_port;
pub use postgresql::PostgreSql;
pub use proxy::Proxy;
pub use rabbitmq::RabbitMq;
pub use s3::S3;
pub use seaweedfs::SeaweedFs;
pub use small_disk::SmallDisk;

use std::path::Path;

/// Whether a server's program is here. Where it is not, the test says so and passes, except in CI, where nothing may
/// be skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn is_installed(program: &str) -> bool {
    if Path::new(program).exists() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{program} is not installed, and in CI no test is skipped"
    );
    eprintln!("skipped: {program} is not installed");
    false
}
