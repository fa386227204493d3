#![doc = include_str!("../README.md")]

mod admin;
mod announcement;
mod context;
mod installation;
mod model_stage;
mod models;
mod object_deletions;
mod orphans;
mod presence;
mod problems;
mod process;
mod readiness;
mod refill;
mod relay;
mod repeats;
mod retention;
mod settings;
mod sweep;
mod telemetry;
mod worker;

pub use announcement::announce;
pub use context::Context;
pub use installation::{InstallationError, adopt_installation, check_installation};
pub use model_stage::run_model_stage;
pub use models::{
    Loaded, load_bundle, load_bundle_in_use, load_shared_pass, load_stage_models, runtime_options,
    with_thresholds_in_use,
};
pub use object_deletions::{delete_objects, run_object_deletions};
pub use orphans::{Orphan, OrphanSearch, delete_orphans, list_orphans, register_orphans};
pub use presence::Presence;
pub use process::Process;
pub use readiness::Dependency;
pub use refill::announce_unfinished;
pub use repeats::run_repeats;
pub use retention::{delete_old_studies, run_retention};
pub use settings::*;
pub use sweep::run_sweep;
pub use telemetry::{Telemetry, current_trace_headers, join_trace};
pub use worker::{Handled, HandlerError, MessageHandler, Source, run_blocking, run_worker};
