//! Studies that come in one request: what is known is noted, nothing is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use norma_dicom_spool::{StatedInstance, StudyKey};
use norma_domain::{CountedBy, InstanceCount, StudyInstanceUid};

use crate::instance_counts::counter::{Counter as _, worst};
use crate::instance_counts::here::StudyHere;
use crate::instance_counts::rules::ExpectedRules;
use crate::instance_counts::stated::Stated;
use crate::instance_counts::steps::Steps;

/// Says how many instances the studies have that come by STOW-RS.
pub(crate) struct RequestCounts {
    rules: Arc<ExpectedRules>,
    steps: Steps,
}

impl RequestCounts {
    pub(crate) fn new(rules: Arc<ExpectedRules>, steps: Steps) -> Self {
        Self { rules, steps }
    }

    /// Whether nobody counts them.
    pub(crate) fn is_off(&self) -> bool {
        self.rules.of_callers(&BTreeSet::new()).is_none()
    }

    /// None where nobody counts them, or nobody says anything of this study.
    pub(crate) async fn of(
        &self,
        uid: StudyInstanceUid,
        instances: BTreeMap<String, StatedInstance>,
    ) -> Option<InstanceCount> {
        let rule = self.rules.of_callers(&BTreeSet::new())?;
        let here = StudyHere {
            key: StudyKey::of(&uid),
            uid,
            instances: Arc::new(instances),
        };
        let mut counts = Vec::new();
        for by in rule.by {
            let counted = match by {
                CountedBy::Stated => Stated { level: rule.level }.count(&here).await,
                CountedBy::Mpps => self.steps.count(&here).await,
                // Whoever waits for the answer of the request would wait for the archive too.
                CountedBy::Source => continue,
            };
            counts.push((by, counted));
        }
        worst(&counts, &here)
    }
}
