//! The settings' limits in the terms of those who keep them.

use std::time::Duration;

use norma_imaging::Limits;
use norma_pipeline::Sandbox;
use norma_service::Settings;

pub(crate) fn imaging_limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        archive_entries: limits.archive_entries,
        uncompressed_bytes: limits.uncompressed_bytes,
        compression_ratio: limits.compression_ratio,
        ratio_free_bytes: limits.ratio_free_bytes,
        archive_nesting: limits.archive_nesting,
        file_bytes: limits.file_bytes,
        header_bytes: limits.header_bytes,
        voxels: limits.voxels,
    }
}

pub(crate) fn sandbox(settings: &Settings) -> Sandbox {
    Sandbox {
        memory_limit_bytes: settings.sandbox.memory_bytes,
        time_limit: Duration::from_secs(settings.sandbox.time_limit_seconds),
        ..Sandbox::default()
    }
}
