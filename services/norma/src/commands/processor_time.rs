//! What this process has kept the processors busy with.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// USER_HZ, what processor times are told in; the same on all of Linux's 64-bit processors.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of this process and of the children that it has waited for, all threads together (proc(5), stat).
pub(super) fn processor_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("failed to read the processor time")?;
    // The name of the program, in brackets, may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}
