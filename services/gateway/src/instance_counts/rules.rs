//! Of whose studies, who says how many instances they have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context as _;
use norma_dicom_network::AeTitle;
use norma_domain::CountedBy;
use norma_service::{ExpectedLevel, ExpectedSettings};

/// As the settings say.
#[derive(Debug, Clone, Default)]
pub struct ExpectedRules {
    by_caller: BTreeMap<AeTitle, ExpectedRule>,
    others: Option<ExpectedRule>,
}

/// Who is to say how many instances a study has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedRule {
    pub(crate) by: BTreeSet<CountedBy>,
    /// A name of the archives that studies are pulled from.
    pub(crate) source: Option<String>,
    pub(crate) level: ExpectedLevel,
    /// From the first instance of a study.
    pub(crate) longest_wait: Duration,
}

impl ExpectedRules {
    /// # Errors
    /// Where a title is none.
    pub fn of(settings: &BTreeMap<String, ExpectedSettings>) -> anyhow::Result<Self> {
        let mut rules = Self::default();
        for (name, settings) in settings {
            let rule = ExpectedRule {
                by: settings.by.iter().copied().collect(),
                source: settings.source.clone(),
                level: settings.level,
                longest_wait: Duration::from_secs(settings.longest_wait_seconds),
            };
            if settings.callers.is_empty() {
                rules.others = Some(rule);
                continue;
            }
            for caller in &settings.callers {
                let title = caller.parse();
                let title = title.with_context(|| format!("pacs.expected.{name}.callers"))?;
                rules.by_caller.insert(title, rule.clone());
            }
        }
        Ok(rules)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_caller.is_empty() && self.others.is_none()
    }

    /// Whether a modality may tell what it performs.
    pub(crate) fn listens_to(&self, caller: &AeTitle) -> bool {
        self.by_caller
            .get(caller)
            .or(self.others.as_ref())
            .is_some_and(|rule| rule.by.contains(&CountedBy::Mpps))
    }

    /// Whether any may.
    pub(crate) fn has_steps(&self) -> bool {
        let mut all = self.by_caller.values().chain(&self.others);
        all.any(|rule| rule.by.contains(&CountedBy::Mpps))
    }

    /// What holds of a study that these have sent; nobody: of one that came another way. Of several all that one of them asks for.
    pub(crate) fn of_callers(&self, callers: &BTreeSet<AeTitle>) -> Option<ExpectedRule> {
        let mut rules: Vec<&ExpectedRule> = callers
            .iter()
            .filter_map(|caller| self.by_caller.get(caller).or(self.others.as_ref()))
            .collect();
        if callers.is_empty() {
            rules.extend(&self.others);
        }
        let mut rules = rules.into_iter();
        let mut joined = rules.next()?.clone();
        for rule in rules {
            joined.by.extend(&rule.by);
            joined.source = joined.source.or_else(|| rule.source.clone());
            joined.longest_wait = joined.longest_wait.max(rule.longest_wait);
            if rule.level == ExpectedLevel::Study {
                joined.level = ExpectedLevel::Study;
            }
        }
        Some(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(callers: &[&str], by: &[CountedBy], longest_wait_seconds: u64) -> ExpectedSettings {
        ExpectedSettings {
            callers: callers.iter().map(|caller| (*caller).to_owned()).collect(),
            by: by.to_vec(),
            source: by.contains(&CountedBy::Source).then(|| "archive".to_owned()),
            level: ExpectedLevel::Series,
            longest_wait_seconds,
        }
    }

    #[test]
    fn who_sends_decides_who_counts() {
        let all = BTreeMap::from([
            ("ct".to_owned(), settings(&["CT1", "CT2"], &[CountedBy::Mpps], 60)),
            ("others".to_owned(), settings(&[], &[CountedBy::Source], 90)),
        ]);
        let rules = ExpectedRules::of(&all).unwrap();
        let title = |title: &str| title.parse::<AeTitle>().unwrap();
        let of = |callers: &[&str]| rules.of_callers(&callers.iter().map(|caller| title(caller)).collect());
        assert_eq!(of(&["CT1"]).unwrap().by, BTreeSet::from([CountedBy::Mpps]));
        assert_eq!(of(&["ARCHIVE"]).unwrap().source.as_deref(), Some("archive"));
        assert_eq!(of(&[]), of(&["ARCHIVE"]), "by STOW-RS");
        let both = of(&["CT1", "ARCHIVE"]).unwrap();
        assert_eq!(both.by, BTreeSet::from([CountedBy::Mpps, CountedBy::Source]));
        assert_eq!(both.longest_wait, Duration::from_secs(90));
        assert!(rules.listens_to(&title("CT2")) && !rules.listens_to(&title("ARCHIVE")));
        assert!(rules.has_steps() && !rules.is_empty());
        assert!(ExpectedRules::default().is_empty());
        let wrong = BTreeMap::from([("x".to_owned(), settings(&["NO_TITLE_IS_SO_LONG"], &[], 60))]);
        assert!(ExpectedRules::of(&wrong).is_err());
    }
}
