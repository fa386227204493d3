//! Whether a study is complete by those who are to say how many instances it has.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use norma_dicom_spool::{Spool, StudyKey};
use norma_domain::{CountedBy, InstanceCount};

use crate::instance_counts::{
    Counted, Counter, ExpectedRule, ExpectedRules, OfSource, SourceCounts, Stated, Steps, worst,
};
use crate::pacs::incoming_study::IncomingStudy;
use crate::pacs::stored::StoredStudies;
use crate::problem::ApiError;
use crate::pulls::Sources;

/// What a modality has made is complete once it is here and nothing more has come for so long: no quiet period is waited for.
const ENDING: Duration = Duration::from_secs(2);
/// Between two looks at a study of which nothing has come since.
const LOOKED_EVERY: Duration = Duration::from_secs(2);

/// A study that may be complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// When something of it came last.
    pub(super) last: Instant,
    /// Its quiet period is over.
    pub(super) is_quiet: bool,
}

/// What is known of the studies that come.
pub(super) struct Completeness {
    rules: Arc<ExpectedRules>,
    spool: Arc<Spool>,
    stored: Arc<StoredStudies>,
    steps: Arc<Steps>,
    sources: Arc<SourceCounts>,
    studies: HashMap<StudyKey, Study>,
}

#[derive(Debug, Default)]
struct Study {
    read: IncomingStudy,
    /// When this process looked at it first.
    begun: Option<Instant>,
    /// When it was looked at last, and what had come then.
    looked: Option<(Instant, Instant)>,
    /// It waits for what is missing.
    is_short: bool,
}

impl Completeness {
    pub(super) fn new(
        rules: Arc<ExpectedRules>,
        steps: Arc<Steps>,
        sources: Sources,
        (spool, stored): (Arc<Spool>, Arc<StoredStudies>),
    ) -> Self {
        Self {
            rules,
            spool,
            stored,
            steps,
            sources: SourceCounts::new(sources),
            studies: HashMap::new(),
        }
    }

    /// Whether nobody counts anything.
    pub(super) fn is_off(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many studies wait for what is missing.
    pub(super) fn short(&self) -> usize {
        self.studies.values().filter(|study| study.is_short).count()
    }

    /// Whether a study is complete, with what was counted; None where it is not.
    pub(super) async fn look(&mut self, key: &StudyKey, look: Look) -> Option<Option<InstanceCount>> {
        if !look.is_quiet && look.last.elapsed() < ENDING {
            return None;
        }
        let mut study = self.studies.remove(key).unwrap_or_default();
        let is_new = study.looked.is_none_or(|(_, last)| last != look.last);
        let is_due = study.looked.is_none_or(|(at, _)| at.elapsed() >= LOOKED_EVERY);
        let mut outcome = None;
        if is_new || is_due {
            let now = Instant::now();
            study.begun.get_or_insert(now);
            study.looked = Some((now, look.last));
            outcome = match self.decide(key, &mut study, look).await {
                Ok(outcome) => outcome,
                // Nothing is taken that cannot be read; what cannot be asked for is asked for again.
                Err(error) => {
                    tracing::warn!(study_key = %key, code = error.code(), "whether a study is complete is not known yet");
                    self.at_longest(&study, look)
                }
            };
        }
        match outcome {
            Some(_) => self.sources.forget(key),
            None => {
                self.studies.insert(key.clone(), study);
            }
        }
        outcome
    }

    /// None where the study is to wait; else what was counted.
    async fn decide(
        &self,
        key: &StudyKey,
        study: &mut Study,
        look: Look,
    ) -> Result<Option<Option<InstanceCount>>, ApiError> {
        study.read.refresh(&self.spool, key).await?;
        let Some(rule) = self.rules.of_callers(&study.read.callers()) else {
            return Ok(look.is_quiet.then_some(None));
        };
        let is_early = !look.is_quiet;
        if is_early && !rule.by.contains(&CountedBy::Mpps) {
            return Ok(None);
        }
        let Some(here) = study.read.here(key, &self.spool, &self.stored).await? else {
            return Ok(look.is_quiet.then_some(None));
        };
        let mut counts = Vec::new();
        for by in &rule.by {
            // An archive is asked when the quiet period is over: it has more every moment before.
            if is_early && *by == CountedBy::Source {
                continue;
            }
            let counted = self.counter(*by, &rule).count(&here).await;
            counts.push((*by, counted));
        }
        let is_whole = counts.iter().all(|(_, counted)| counted.is_whole());
        if is_early {
            let is_made = |(by, counted): &(CountedBy, Counted)| {
                *by == CountedBy::Mpps && matches!(counted, Counted::Of { .. })
            };
            let is_complete = is_whole && counts.iter().any(is_made);
            return Ok(is_complete.then(|| worst(&counts, &here)));
        }
        study.is_short = !is_whole;
        if is_whole || study.is_over(rule.longest_wait) {
            return Ok(Some(worst(&counts, &here)));
        }
        Ok(None)
    }

    /// Where what is here cannot be asked for: after the longest wait there is, how many came is not known to be all.
    fn at_longest(&self, study: &Study, look: Look) -> Option<Option<InstanceCount>> {
        let rule = self.rules.of_callers(&study.read.callers())?;
        let is_over = look.is_quiet && study.is_over(rule.longest_wait);
        let counted_by = *rule.by.first()?;
        is_over.then(|| {
            Some(InstanceCount {
                came: u32::try_from(study.read.came()).unwrap_or(u32::MAX),
                expected: None,
                counted_by,
            })
        })
    }

    fn counter(&self, by: CountedBy, rule: &ExpectedRule) -> Arc<dyn Counter> {
        let level = rule.level;
        match by {
            CountedBy::Stated => Arc::new(Stated { level }),
            CountedBy::Mpps => Arc::clone(&self.steps) as Arc<dyn Counter>,
            CountedBy::Source => Arc::new(OfSource {
                counts: Arc::clone(&self.sources),
                source: rule.source.clone().unwrap_or_default(),
                level,
            }),
        }
    }
}

impl Study {
    /// Whether it has waited for long enough since its first instance, also where the clock was set back since.
    fn is_over(&self, longest_wait: Duration) -> bool {
        let age = |first| SystemTime::now().duration_since(first).unwrap_or_default();
        let since_first = self.read.first_came.map(age).unwrap_or_default();
        let since_begin = self.begun.map(|begun| begun.elapsed()).unwrap_or_default();
        since_first.max(since_begin) >= longest_wait
    }
}
