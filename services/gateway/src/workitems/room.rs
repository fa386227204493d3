//! What the routes of work items share.

use std::sync::Arc;

use actix_web::HttpRequest;
use norma_database::{Owner, Workitem, WorkitemChange};
use norma_domain::SopInstanceUid;

use super::events::check_events;
use crate::dicomweb::service_url;
use crate::gateway::Gateway;
use crate::identity::{Access, Notes};
use crate::places::{Places, Seat};
use crate::problem::{ApiError, WorkitemProblem, WorkitemRefusal};

/// Work items of one account or scope at most, those that have ended lately included.
pub(super) const MOST_OF_OWNER: u32 = 10_000;
/// Names that one account or scope subscribes with.
pub(super) const MOST_SUBSCRIBERS: usize = 16;
/// Connections over which subscribers are told, of all and of one account or scope.
const LISTENERS: usize = 512;
const MOST_LISTENERS: usize = 16;
/// Searches of the worklist at once, and of one account or scope: each reads all its work items.
const SEARCHES: usize = 4;
const MOST_SEARCHES: usize = 2;
const MOST_WAITING: usize = 16;
/// A change that others are quicker than is tried so often.
const TRIES: usize = 8;

pub(crate) struct Workitems {
    pub(super) gateway: Arc<Gateway>,
    listeners: Places<Owner>,
    searches: Places<Owner>,
}

/// A request about work items: who asks for what.
pub(super) struct Visit<'a> {
    room: &'a Workitems,
    pub(super) gateway: &'a Gateway,
    pub(super) access: &'a Access,
    /// URL of the service, as the client sees it.
    pub(super) service: String,
}

impl Workitems {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            listeners: Places::new(LISTENERS, MOST_LISTENERS, 0),
            searches: Places::new(SEARCHES, MOST_SEARCHES, MOST_WAITING),
        }
    }

    pub(super) fn visit<'a>(&'a self, request: &HttpRequest, access: &'a Access) -> Visit<'a> {
        Visit {
            room: self,
            gateway: &self.gateway,
            access,
            service: service_url(request, &self.gateway),
        }
    }
}

impl Visit<'_> {
    pub(super) fn refuse(&self, problem: WorkitemProblem) -> ApiError {
        ApiError::Workitem(WorkitemRefusal {
            problem,
            service: self.service.clone(),
        })
    }

    /// A place to be told over a connection.
    pub(super) fn listener(&self) -> Result<Seat<Owner>, ApiError> {
        let seat = self.room.listeners.try_take(self.access.caller.owner().as_ref());
        seat.ok_or_else(|| self.refuse(WorkitemProblem::TooManyListeners))
    }

    /// A turn to look through the worklist.
    pub(super) async fn search(&self) -> Result<Seat<Owner>, ApiError> {
        let seat = self.room.searches.take(self.access.caller.owner().as_ref()).await;
        seat.ok_or(ApiError::TooManyRequests {
            retry_after_seconds: 5,
        })
    }

    /// The value of a header Warning.
    pub(super) fn warning(&self, text: &str) -> (&'static str, String) {
        ("Warning", format!("299 {}: {text}", self.service))
    }

    pub(super) fn url(&self, workitem: &str) -> String {
        format!("{}/workitems/{workitem}", self.service)
    }

    /// The UID of the path.
    pub(super) fn uid(&self, request: &HttpRequest, notes: &Notes) -> Result<String, ApiError> {
        let uid = request.match_info().get("workitem").unwrap_or_default();
        if !SopInstanceUid::new(uid).is_ok_and(|uid| uid.is_valid()) {
            let detail = "the path names no work item by its UID";
            return Err(self.refuse(WorkitemProblem::Invalid(detail.to_owned())));
        }
        notes.object(uid);
        Ok(uid.to_owned())
    }

    pub(super) async fn workitem(&self, uid: &str) -> Result<Workitem, ApiError> {
        let owner = self.access.visible_owner();
        let found = self.gateway.database.workitem(uid.to_owned(), owner).await?;
        found.ok_or_else(|| self.refuse(WorkitemProblem::NotFound))
    }

    /// Changes a work item as `make` says of how it is; again where somebody was quicker. Gives what `make` gave beside the change,
    /// and makes none where it gave none.
    pub(super) async fn change<T>(
        &self,
        uid: &str,
        make: impl Fn(&Workitem) -> Result<(Option<WorkitemChange>, T), WorkitemProblem>,
    ) -> Result<T, ApiError> {
        for _ in 0..TRIES {
            let workitem = self.workitem(uid).await?;
            let (change, given) = make(&workitem).map_err(|problem| self.refuse(problem))?;
            let Some(change) = change else {
                return Ok(given);
            };
            check_events(&change.events).map_err(|problem| self.refuse(problem))?;
            if self.gateway.database.change_workitem(&workitem, change).await? {
                return Ok(given);
            }
        }
        let detail = "others change it all the time";
        Err(self.refuse(WorkitemProblem::Inconsistent(detail.to_owned())))
    }
}
