use std::sync::Arc;

use crate::scp::commitment::CommitmentProvider;
use crate::scp::outcomes::OutcomeListener;
use crate::scp::steps::StepListener;
use crate::sink::InstanceSink;

/// Who does what peers ask for.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) sink: Arc<dyn InstanceSink>,
    /// None where nobody may ask for storage commitment.
    pub(crate) commitment: Option<Arc<dyn CommitmentProvider>>,
    /// None where nobody is asked.
    pub(crate) outcomes: Option<Arc<dyn OutcomeListener>>,
    /// None where nobody may tell what is performed.
    pub(crate) steps: Option<Arc<dyn StepListener>>,
}
