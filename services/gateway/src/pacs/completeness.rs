//! Whether a study is complete by those who are to say how many instances it has.

use std::collections::{BTreeSet, HashMap};
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
use crate::pulls::{OfArchive, PullWatch, Sources};

/// What a modality has made is complete once it is here and nothing more has come for so long: no quiet period is waited for.
const ENDING: Duration = Duration::from_secs(2);
/// How long a study that was pulled, and of which nobody else says how many instances it has, waits for what is here to be known.
const LOOKED_FOR: Duration = Duration::from_secs(900);
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
    /// Knows how much there is of what was pulled.
    watch: Arc<PullWatch>,
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
    /// What was counted last.
    count: Option<InstanceCount>,
    /// From its first instance.
    longest_wait: Option<Duration>,
}

/// A study that is looked at and waits.
pub(super) struct Waiting {
    /// What was counted last.
    pub(super) count: Option<InstanceCount>,
    /// It waits for what is missing.
    pub(super) is_short: bool,
    pub(super) callers: BTreeSet<String>,
    pub(super) first_at: Option<SystemTime>,
    /// When it is taken as it is.
    pub(super) at_latest: Option<SystemTime>,
}

impl Completeness {
    pub(super) fn new(
        rules: Arc<ExpectedRules>,
        steps: Arc<Steps>,
        (sources, watch): (Sources, Arc<PullWatch>),
        (spool, stored): (Arc<Spool>, Arc<StoredStudies>),
    ) -> Self {
        Self {
            rules,
            spool,
            stored,
            steps,
            sources: SourceCounts::new(sources),
            watch,
            studies: HashMap::new(),
        }
    }

    /// How many studies wait for what is missing.
    pub(super) fn short(&self) -> usize {
        self.studies.values().filter(|study| study.is_short).count()
    }

    /// What is known of a study that waits; None of one that nobody counts.
    pub(super) fn waiting(&self, key: &StudyKey) -> Option<Waiting> {
        let study = self.studies.get(key)?;
        let callers = study.read.callers();
        let first_at = study.read.first_came;
        Some(Waiting {
            count: study.count,
            is_short: study.is_short,
            callers: callers.iter().map(ToString::to_string).collect(),
            first_at,
            at_latest: first_at.zip(study.longest_wait).map(|(first, wait)| first + wait),
        })
    }

    /// Whether a study is complete, with what was counted; None where it is not.
    pub(super) async fn look(&mut self, key: &StudyKey, look: Look) -> Option<Option<InstanceCount>> {
        let is_counted = !self.rules.is_empty() || self.watch.of_archive(key).is_some();
        if !is_counted {
            return look.is_quiet.then_some(None);
        }
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
                    self.at_longest(key, &study, look)
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
            return match look.is_quiet {
                true => Ok(Some(self.of_pulled(key, study).await?)),
                false => Ok(None),
            };
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
        study.count = worst(&counts, &here);
        study.longest_wait = Some(rule.longest_wait);
        if is_early {
            let is_made = |(by, counted): &(CountedBy, Counted)| {
                *by == CountedBy::Mpps && matches!(counted, Counted::Of { .. })
            };
            let is_complete = is_whole && counts.iter().any(is_made);
            return Ok(is_complete.then(|| worst(&counts, &here)));
        }
        study.is_short = !is_whole;
        if is_whole || study.is_over(rule.longest_wait) {
            // Whether more of it is asked for was looked at before it was quiet.
            counts.extend(self.of_archive(key, here.instances.len()));
            return Ok(Some(worst(&counts, &here)));
        }
        Ok(None)
    }

    /// What was counted of a study that was pulled, where nobody else is to count.
    async fn of_pulled(&self, key: &StudyKey, study: &mut Study) -> Result<Option<InstanceCount>, ApiError> {
        if self.watch.of_archive(key).is_none() {
            return Ok(None);
        }
        let Some(here) = study.read.here(key, &self.spool, &self.stored).await? else {
            return Ok(None);
        };
        let counted = self.of_archive(key, here.instances.len());
        Ok(worst(counted.as_slice(), &here))
    }

    /// What its archive has of a study that was pulled and did not come whole.
    fn of_archive(&self, key: &StudyKey, came: usize) -> Option<(CountedBy, Counted)> {
        let OfArchive { instances } = self.watch.of_archive(key)?;
        let counted = match instances {
            Some(expected) => Counted::Of {
                came,
                expected: usize::try_from(expected).unwrap_or(usize::MAX),
            },
            None => Counted::Awaited,
        };
        Some((CountedBy::Source, counted))
    }

    /// Where what is here cannot be asked for: after the longest wait there is, how many came is not known to be all.
    fn at_longest(&self, key: &StudyKey, study: &Study, look: Look) -> Option<Option<InstanceCount>> {
        let (longest, counted_by) = match self.rules.of_callers(&study.read.callers()) {
            Some(rule) => (rule.longest_wait, *rule.by.first()?),
            None => {
                self.watch.of_archive(key)?;
                (LOOKED_FOR, CountedBy::Source)
            }
        };
        let is_over = look.is_quiet && study.is_over(longest);
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
