//! The first rule that fits a study decides.

use std::collections::BTreeSet;

use norma_service::{RoutingFilter, RoutingPriority, RoutingRule, RoutingSettings, RoutingWay};

use crate::routing::facts::{SeriesFacts, StudyFacts};
use crate::routing::pattern::fits;

/// What may be analysed; images of other modalities are not.
const ANALYZED: &str = "CT";

/// The rules of the settings, in their order.
#[derive(Debug, Clone)]
pub struct Rules(Vec<RoutingRule>);

/// What is done with a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The rule that decided; None: none did.
    pub rule: Option<String>,
    pub analyze: bool,
    /// None: the one of the settings.
    pub operating_point: Option<String>,
    /// None: wherever results go.
    pub destinations: Option<BTreeSet<String>>,
    /// None: as its callers may send.
    pub priority: Option<RoutingPriority>,
}

impl Rules {
    pub fn of(settings: &RoutingSettings) -> Self {
        Self(settings.rules.clone())
    }

    /// In their order.
    pub(crate) fn all(&self) -> &[RoutingRule] {
        &self.0
    }

    /// Whether a rule looks at studies that come so: what they say is read for that alone.
    pub(crate) fn are_for(&self, way: RoutingWay) -> bool {
        self.0.iter().any(|rule| rule.when.is_for(way))
    }

    /// Where none fits, a study is analysed as ever, and an earlier one that was pulled is kept.
    pub fn decide(&self, facts: &StudyFacts) -> Route {
        match self.0.iter().find(|rule| is_of(rule, facts)) {
            Some(rule) => Route {
                rule: Some(rule.name.clone()),
                analyze: rule.analyze,
                operating_point: rule.operating_point.clone(),
                destinations: rule
                    .destinations
                    .as_ref()
                    .map(|names| names.iter().cloned().collect()),
                priority: rule.priority,
            },
            None => Route {
                rule: None,
                analyze: !facts.is_prior,
                operating_point: None,
                destinations: None,
                priority: None,
            },
        }
    }
}

fn is_of(rule: &RoutingRule, facts: &StudyFacts) -> bool {
    let RoutingFilter {
        modality: _,
        body_part: _,
        series_description: _,
        station: _,
        study_description,
        institution,
        calling,
        requested_priority,
        prior,
        came_by: _,
    } = &rule.when;
    *prior == facts.is_prior
        && rule.when.is_for(facts.came_by)
        && has_one(study_description, &facts.study_description)
        && has_one(institution, &facts.institution)
        && has_one(calling, &facts.calling)
        && has_one(requested_priority, &facts.requested_priority)
        && series_fit(rule, &facts.series)
}

/// One series has to fit. A rule that has nothing analysed has to fit every series that could be: a chest beside a head is looked at.
fn series_fit(rule: &RoutingRule, series: &BTreeSet<SeriesFacts>) -> bool {
    let when = &rule.when;
    let filters = [
        &when.modality,
        &when.body_part,
        &when.series_description,
        &when.station,
    ];
    if filters.iter().all(|patterns| patterns.is_empty()) {
        return true;
    }
    let is_of = |series: &&SeriesFacts| {
        let texts = [
            &series.modality,
            &series.body_part,
            &series.description,
            &series.station,
        ];
        let pairs = filters.into_iter().zip(texts);
        pairs
            .into_iter()
            .all(|(patterns, text)| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, text)))
    };
    if rule.analyze {
        return series.iter().any(|series| is_of(&series));
    }
    let could_be = |series: &&SeriesFacts| series.modality == ANALYZED;
    match series.iter().any(|series| could_be(&series)) {
        true => series.iter().filter(could_be).all(|series| is_of(&series)),
        false => !series.is_empty() && series.iter().all(|series| is_of(&series)),
    }
}

fn has_one(patterns: &[String], texts: &BTreeSet<String>) -> bool {
    patterns.is_empty()
        || texts
            .iter()
            .any(|text| patterns.iter().any(|pattern| fits(pattern, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, when: RoutingFilter) -> RoutingRule {
        RoutingRule {
            name: name.to_owned(),
            when,
            analyze: true,
            operating_point: None,
            destinations: None,
            priority: None,
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn facts(series: &[(&str, &str)], description: &str) -> StudyFacts {
        let series = series.iter().map(|(modality, body_part)| SeriesFacts {
            modality: (*modality).to_owned(),
            body_part: (*body_part).to_owned(),
            ..SeriesFacts::default()
        });
        StudyFacts {
            series: series.collect(),
            study_description: BTreeSet::from([description.to_owned()]),
            calling: BTreeSet::from(["CT1".to_owned()]),
            ..StudyFacts::default()
        }
    }

    fn decided(rules: &[RoutingRule], facts: &StudyFacts) -> Option<String> {
        Rules(rules.to_vec()).decide(facts).rule
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_without_one_nothing_changes() {
        let rules = [
            rule(
                "trauma",
                RoutingFilter {
                    study_description: texts(&["*trauma*"]),
                    calling: texts(&["CT?"]),
                    ..RoutingFilter::default()
                },
            ),
            rule(
                "chest",
                RoutingFilter {
                    modality: texts(&["CT"]),
                    body_part: texts(&["CHEST", "LUNG"]),
                    ..RoutingFilter::default()
                },
            ),
        ];
        let of = |series: &[(&str, &str)], description| decided(&rules, &facts(series, description));
        assert_eq!(of(&[("CT", "CHEST")], "Polytrauma CT").as_deref(), Some("trauma"));
        assert_eq!(of(&[("CT", "Lung")], "routine").as_deref(), Some("chest"));
        assert_eq!(
            of(&[("CT", "HEAD"), ("MR", "CHEST")], "routine"),
            None,
            "one series has to fit as a whole"
        );
        let other = Rules(rules.to_vec()).decide(&facts(&[("CT", "HEAD")], "routine"));
        assert!(other.analyze && other.destinations.is_none() && other.priority.is_none());
        assert_eq!(Rules(Vec::new()).decide(&StudyFacts::default()).rule, None);
    }

    #[test]
    fn a_rule_is_for_what_comes_by_c_store_unless_it_says_otherwise() {
        let mut web = rule("web", RoutingFilter::default());
        web.when.came_by = vec![RoutingWay::StowRs];
        let rules = [web, rule("sent", RoutingFilter::default())];
        let mut study = facts(&[("CT", "CHEST")], "");
        assert_eq!(decided(&rules, &study).as_deref(), Some("sent"));
        study.came_by = RoutingWay::StowRs;
        assert_eq!(decided(&rules, &study).as_deref(), Some("web"));
        study.came_by = RoutingWay::Upload;
        let route = Rules(rules.to_vec()).decide(&study);
        assert!(route.rule.is_none() && route.analyze, "as without rules");
        let rules = Rules(rules.to_vec());
        assert!(rules.are_for(RoutingWay::StowRs) && !rules.are_for(RoutingWay::Upload));
    }

    #[test]
    fn a_chest_beside_a_head_is_looked_at() {
        let mut head = rule(
            "head",
            RoutingFilter {
                body_part: texts(&["HEAD"]),
                ..RoutingFilter::default()
            },
        );
        head.analyze = false;
        let of = |series: &[(&str, &str)]| Rules(vec![head.clone()]).decide(&facts(series, "")).analyze;
        assert!(!of(&[("CT", "HEAD")]));
        assert!(!of(&[("CT", "HEAD"), ("SR", "")]), "a dose report is no image");
        assert!(of(&[("CT", "HEAD"), ("CT", "CHEST")]));
        assert!(of(&[("CT", "HEAD"), ("CT", "")]), "what it is of is not said");
        assert!(of(&[("MR", "HEAD"), ("MR", "NECK")]));
        assert!(of(&[]), "nothing is known of it");
    }

    #[test]
    fn earlier_studies_are_kept_unless_a_rule_for_them_says_otherwise() {
        let prior = StudyFacts {
            is_prior: true,
            ..facts(&[("CT", "CHEST")], "")
        };
        let everything = rule("everything", RoutingFilter::default());
        assert!(!Rules(vec![everything.clone()]).decide(&prior).analyze);
        let priors = rule(
            "priors",
            RoutingFilter {
                prior: true,
                ..RoutingFilter::default()
            },
        );
        let rules = Rules(vec![everything, priors]);
        assert_eq!(rules.decide(&prior).rule.as_deref(), Some("priors"));
        assert!(rules.decide(&prior).analyze);
        let sent = facts(&[("CT", "CHEST")], "");
        assert_eq!(rules.decide(&sent).rule.as_deref(), Some("everything"));
    }
}
