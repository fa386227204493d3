use norma_service::{RoutingPriority, RoutingRule as Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a study has to say for a rule: one of the patterns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RoutingCondition {
    /// As the settings name it; `prior`: an earlier study that was pulled, `came_by`: the ways that the rule is for.
    #[schema(example = "body_part")]
    pub(crate) attribute: String,
    #[schema(example = json!(["CHEST", "*LUNG*"]))]
    pub(crate) patterns: Vec<String>,
}

/// A rule of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RoutingRule {
    #[schema(example = "emergency")]
    pub(crate) name: String,
    /// All of them.
    pub(crate) conditions: Vec<RoutingCondition>,
    /// Else studies are kept alone.
    pub(crate) analyze: bool,
    /// None: the one of the settings.
    pub(crate) operating_point: Option<String>,
    /// None: wherever results go.
    pub(crate) destinations: Option<Vec<String>>,
    /// `urgent` or `routine`; None: as its callers may send.
    pub(crate) priority: Option<String>,
}

impl From<&Rule> for RoutingRule {
    fn from(rule: &Rule) -> Self {
        let when = &rule.when;
        let ways: Vec<String> = when.came_by.iter().map(|way| way.as_str().to_owned()).collect();
        let prior = if when.prior {
            vec!["true".to_owned()]
        } else {
            Vec::new()
        };
        let all = [
            ("modality", &when.modality),
            ("body_part", &when.body_part),
            ("series_description", &when.series_description),
            ("station", &when.station),
            ("study_description", &when.study_description),
            ("institution", &when.institution),
            ("calling", &when.calling),
            ("requested_priority", &when.requested_priority),
            ("prior", &prior),
            ("came_by", &ways),
        ];
        let named = all.into_iter().filter(|(_, patterns)| !patterns.is_empty());
        let conditions = named.map(|(attribute, patterns)| RoutingCondition {
            attribute: attribute.to_owned(),
            patterns: patterns.clone(),
        });
        Self {
            name: rule.name.clone(),
            conditions: conditions.collect(),
            analyze: rule.analyze,
            operating_point: rule.operating_point.clone(),
            destinations: rule.destinations.clone(),
            priority: rule.priority.map(|priority| {
                match priority {
                    RoutingPriority::Urgent => "urgent",
                    RoutingPriority::Routine => "routine",
                }
                .to_owned()
            }),
        }
    }
}

/// The rules, the first that fits a study decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RoutingRules {
    pub(crate) items: Vec<RoutingRule>,
}
