//! What a request asks of an analysis, and what the rules say of what it leaves open.

use norma_database::Owner;
use norma_domain::{Priority, ScanId};
use norma_service::RoutingPriority;

use crate::analyses::request::Turn;
use crate::bundle::{Question, RunningBundle};
use crate::gateway::Gateway;
use crate::identity::Access;
use crate::problem::ApiError;
use crate::routing::{Route, Router, unknown_point};

/// What a caller asks for, whichever study it is.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    question: Question,
    turn: Turn,
    /// Whether the caller may ask for something urgent.
    may_be_urgent: bool,
    /// The caller has said how urgent it is.
    is_priority_named: bool,
}

/// What is asked of one study.
pub(crate) struct AskedOfStudy {
    pub(crate) question: Question,
    pub(crate) turn: Turn,
    /// False where a rule has it kept alone.
    pub(crate) is_analyzed: bool,
}

impl Asked {
    /// # Errors
    /// As of [`Turn::of`].
    pub(crate) fn of(
        gateway: &Gateway,
        access: &Access,
        question: Question,
        priority: Option<Priority>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            question,
            turn: Turn::of(gateway, access, priority)?,
            may_be_urgent: Turn::of(gateway, access, Some(Priority::Urgent)).is_ok(),
            is_priority_named: priority.is_some(),
        })
    }

    /// What somebody asks for who is not at hand any more, and leaves open how urgent it is: a rule makes none of that urgent.
    pub(crate) fn of_absent(question: Question, requested_by: Option<Owner>) -> Self {
        Self {
            question,
            turn: Turn {
                priority: Priority::default(),
                requested_by,
                most_urgent: None,
            },
            may_be_urgent: false,
            is_priority_named: false,
        }
    }

    /// As it was asked for, and in what that left open as the study's rule says.
    ///
    /// # Errors
    /// Where the rule names an operating point that the bundle does not have.
    pub(crate) async fn of_study(
        &self,
        bundle: &RunningBundle,
        router: &Router,
        scan_id: ScanId,
    ) -> Result<AskedOfStudy, ApiError> {
        let mut asked = AskedOfStudy {
            question: self.question.clone(),
            turn: self.turn.clone(),
            is_analyzed: true,
        };
        let Some(route) = router.route_of(scan_id).await? else {
            return Ok(asked);
        };
        asked.is_analyzed = route.analyze;
        if let Some(priority) = self.priority_by(&route) {
            asked.turn.priority = priority;
            // The site's wish, and not one of the caller's few.
            asked.turn.most_urgent = None;
        }
        if !self.question.operating_point_named && route.operating_point.is_some() {
            let by_rule = bundle.question(route.operating_point).await;
            asked.question = by_rule.map_err(unknown_point)?;
        }
        Ok(asked)
    }

    /// None where the rule has no say.
    fn priority_by(&self, route: &Route) -> Option<Priority> {
        match route.priority.filter(|_| !self.is_priority_named)? {
            RoutingPriority::Urgent => self.may_be_urgent.then_some(Priority::Urgent),
            RoutingPriority::Routine => Some(Priority::Routine),
        }
    }
}
