//! The settings under which uploads are read, in the words of the crate that reads them.

use std::time::Duration;

use norma_pipeline::Sandbox;
use norma_pipeline::sandbox::{ConfinementPolicy, probe};

use super::Settings;

impl Settings {
    /// The child process that reads an upload.
    pub fn sandbox(&self) -> Sandbox {
        let sandbox = &self.sandbox;
        Sandbox {
            program: sandbox.program.clone(),
            memory_limit_bytes: sandbox.memory_bytes,
            time_limit: Duration::from_secs(sandbox.time_limit_seconds),
            threads: sandbox.threads,
            confinement: sandbox.confinement,
        }
    }
}

/// Says in the log what the kernel of this machine cannot hold the reader of uploads to. Asked at the start of what reads
/// uploads; nothing is said where it can do all.
pub fn tell_confinement(policy: ConfinementPolicy) {
    let confinement = probe();
    if !confinement.is_whole() {
        tracing::warn!(
            files = confinement.files,
            system_calls = confinement.calls,
            ?policy,
            "the kernel cannot confine the reader of uploads wholly (Landlock, seccomp); see sandbox.confinement"
        );
    }
}

#[cfg(test)]
mod tests {
    use norma_imaging::Limits;

    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_crates() {
        let settings = Settings::base();
        assert_eq!(settings.limits, Limits::default());
        assert_eq!(settings.sandbox(), Sandbox::default());
    }
}
