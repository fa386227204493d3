//! The one place where a request is let in or refused, and where the audit trail is told of it.
//!
//! **Denied by default.** Only a request with a rule ([`super::operations`]) reaches the routes; a path that no route
//! has is answered here with a file of the page or a problem. So nothing gets to a handler past the table, however
//! its path is written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use chrono::Utc;
use norma_access::are_equal;
use norma_database::{AuditObject, AuditOutcome, NewAuditEvent, OwnedObject, OwnedObjectId};
use norma_domain::{PatientId, Role, Roles, ScanId};
use tracing::Instrument as _;

use crate::audit::AuditTrail;
use crate::gateway::Gateway;
use crate::http::leftover::answer_unread;
use crate::identity::authentication::{authenticate, is_local_host};
use crate::identity::caller::{Access, Caller, Notes};
use crate::identity::operations::{self, Audit, Operation, Rule, path_part};
use crate::identity::sign_in::Identity;
use crate::identity::source::source_address;
use crate::page::{PageSource, page_or_problem};
use crate::problem::{AccessProblem, ApiError};

/// The header that shows that a page of ours sent a request with the session's cookie.
const CSRF_HEADER: &str = "x-csrf-token";

/// Middleware: lets in, refuses, and tells the audit trail.
pub(crate) async fn enter<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let state = |name| ApiError::Internal(anyhow::anyhow!("the application has no {name}"));
    let gateway = request
        .app_data::<Data<Gateway>>()
        .cloned()
        .ok_or(state("gateway"))?;
    let identity = request
        .app_data::<Data<Identity>>()
        .cloned()
        .ok_or(state("identity"))?;
    let trail = request
        .app_data::<Data<AuditTrail>>()
        .cloned()
        .ok_or(state("audit trail"))?;
    // The path as the router reads it: with escapes undone.
    let path = request.match_info().as_str().to_owned();
    let Some(pattern) = request.resource_map().match_pattern(&path) else {
        let page = request
            .app_data::<Data<PageSource>>()
            .cloned()
            .ok_or(state("page"))?;
        let answer = page_or_problem(request.request(), &page)
            .await
            .unwrap_or_else(|refusal| refusal.error_response());
        return Ok(request.into_response(answer).map_into_right_body());
    };
    let Some(operation) = operations::find(request.method(), &pattern) else {
        let refusal = no_rule(&pattern);
        return Ok(refuse(request, &refusal));
    };

    let visit = Visit::new(gateway, identity, trail, &request, operation, (&pattern, &path));
    if matches!(operation.audit, Audit::Change(_)) {
        // A change goes on to its end, and into the trail, whether or not the client still waits for the answer.
        let changing = pass(visit, request, next, pattern, path).in_current_span();
        return actix_web::rt::spawn(changing).await.map_err(ApiError::internal)?;
    }
    pass(visit, request, next, pattern, path).await
}

/// The way of a request from its authentication to the last word about it in the audit trail.
async fn pass<B: MessageBody + 'static>(
    mut visit: Visit,
    request: ServiceRequest,
    next: Next<B>,
    pattern: String,
    path: String,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let limit = visit.gateway.options.request_timeout;
    let admitted = in_time(limit, visit.admit(&request, &pattern, &path)).await;
    let access = match admitted {
        Ok(access) => access,
        Err(refusal) => {
            let refusal = match in_time(limit, visit.record_refusal(&refusal)).await {
                Ok(()) => refusal,
                Err(failure) => failure,
            };
            return Ok(refuse(request, &refusal));
        }
    };
    if let Err(failure) = in_time(limit, visit.record_beginning()).await {
        return Ok(refuse(request, &failure));
    }
    request.extensions_mut().insert(access);
    request.extensions_mut().insert(visit.notes.clone());
    match next.call(request).await {
        Ok(response) => match in_time(limit, visit.record_end(response.status())).await {
            Ok(()) => Ok(response.map_into_left_body()),
            // What cannot be written down is not given out.
            Err(failure) => {
                let answer = failure.error_response();
                Ok(response.into_response(answer).map_into_right_body())
            }
        },
        Err(error) => {
            let status = error.as_response_error().status_code();
            in_time(limit, visit.record_end(status)).await?;
            Err(error)
        }
    }
}

/// Authentication and the audit trail stand under the time of a request, also where the request itself may take longer.
async fn in_time<T>(limit: Duration, step: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(limit, step)
        .await
        .unwrap_or(Err(ApiError::Timeout))
}

fn refuse<B>(request: ServiceRequest, refusal: &ApiError) -> ServiceResponse<EitherBody<B, BoxBody>> {
    answer_unread(request, refusal.error_response()).map_into_right_body()
}

/// A path of the interface that takes other methods, or an operation that nobody gave a rule.
fn no_rule(pattern: &str) -> ApiError {
    let allowed = operations::methods_of(pattern);
    if allowed.is_empty() {
        tracing::error!(
            route = pattern,
            "an operation has no rule and is refused to everybody"
        );
        ApiError::Forbidden { allowed: Roles::NONE }
    } else {
        ApiError::MethodNotAllowed { allowed }
    }
}

/// One request on its way through.
struct Visit {
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    trail: Data<AuditTrail>,
    operation: &'static Operation,
    caller: Arc<Caller>,
    source: Option<IpAddr>,
    object: Option<AuditObject>,
    patient_id: Option<PatientId>,
    scan_id: Option<ScanId>,
    notes: Notes,
}

impl Visit {
    fn new(
        gateway: Data<Gateway>,
        identity: Data<Identity>,
        trail: Data<AuditTrail>,
        request: &ServiceRequest,
        operation: &'static Operation,
        (pattern, path): (&str, &str),
    ) -> Self {
        // The first that a path has.
        let objects = [
            ("patient", "patient_id"),
            ("analysis", "analysis_id"),
            ("prediction", "prediction_id"),
            ("user", "user_id"),
            ("key", "key_id"),
            ("scan", "scan_id"),
            ("delivery", "delivery_id"),
            ("threshold_proposal", "proposal_id"),
            ("session", "session_id"),
        ];
        let object = objects.into_iter().find_map(|(kind, name)| {
            // Only an identifier: anything else may be what a person typed.
            let id: uuid::Uuid = path_part(pattern, path, name)?.parse().ok()?;
            Some(AuditObject {
                kind: kind.to_owned(),
                id: id.to_string(),
            })
        });
        Self {
            source: source_address(request.request(), &gateway.options.trusted_proxies),
            gateway,
            identity,
            trail,
            operation,
            caller: Arc::new(Caller::Nobody),
            patient_id: object
                .as_ref()
                .filter(|object| object.kind == "patient")
                .and_then(|object| object.id.parse().ok()),
            object,
            scan_id: None,
            notes: Notes::default(),
        }
    }

    /// Who it is, and whether they may.
    async fn admit(
        &mut self,
        request: &ServiceRequest,
        pattern: &str,
        path: &str,
    ) -> Result<Access, ApiError> {
        if !self.identity.is_on() && !is_local_host(request.request()) {
            return Err(ApiError::ForeignHost);
        }
        let caller = match self.operation.rule {
            Rule::Public => Caller::Nobody,
            // Health is told also while the database is away, and whatever an old cookie says; asking writes nothing.
            Rule::PublicKnowing => self.authenticate(request, false).await.unwrap_or(Caller::Nobody),
            Rule::Known | Rule::Roles(_) => self.authenticate(request, true).await?,
        };
        self.caller = Arc::new(caller);
        let is_limited_to_own = self.check_rule()?;
        if let Caller::User { session, .. } = &*self.caller
            && !request.method().is_safe()
        {
            let shown = request
                .headers()
                .get(CSRF_HEADER)
                .and_then(|value| value.to_str().ok());
            let expected = session.csrf_token();
            if !shown.is_some_and(|shown| are_equal(shown, &expected)) {
                return Err(ApiError::CsrfTokenMissing);
            }
        }
        if self.operation.asks_who_it_is() && self.caller.must_verify(self.identity.settings()) {
            return Err(AccessProblem::VerificationRequired.into());
        }
        // Refused before the trail is told that a change begins: what follows would cost its sender nothing and others their turn.
        if self.operation.takes_an_upload() && !self.gateway.uploads.has_one_for(self.caller.owner().as_ref())
        {
            return Err(ApiError::TooManyUploads);
        }
        self.look_at_object(pattern, path, is_limited_to_own).await?;
        Ok(Access {
            caller: Arc::clone(&self.caller),
            is_limited_to_own,
            allowed: match self.operation.rule {
                Rule::Roles(allowed) => allowed,
                Rule::Public | Rule::PublicKnowing | Rule::Known => Roles::NONE,
            },
        })
    }

    async fn authenticate(&self, request: &ServiceRequest, is_noted: bool) -> Result<Caller, ApiError> {
        authenticate(
            &self.identity,
            &self.gateway.database,
            request.request(),
            is_noted,
        )
        .await
    }

    /// Whether the caller is limited to what it uploaded itself.
    fn check_rule(&self) -> Result<bool, ApiError> {
        let Rule::Roles(allowed) = self.operation.rule else {
            let must_be_known = self.operation.rule == Rule::Known;
            return if must_be_known && !self.caller.is_known() {
                Err(ApiError::NotAuthenticated)
            } else {
                Ok(false)
            };
        };
        if !self.caller.is_known() {
            return Err(ApiError::NotAuthenticated);
        }
        let held = self.caller.roles().intersection(allowed);
        if held.is_empty() {
            return Err(ApiError::Forbidden { allowed });
        }
        if self.caller.must_set_password() {
            return Err(ApiError::PasswordNotSet);
        }
        if self.caller.must_set_second_factor(self.identity.settings()) {
            return Err(AccessProblem::SecondFactorNotSet.into());
        }
        Ok(held == Roles::of(&[Role::Integrator]))
    }

    /// Learns whose study it is. To an integrator, what another uploaded does not exist.
    async fn look_at_object(
        &mut self,
        pattern: &str,
        path: &str,
        is_limited_to_own: bool,
    ) -> Result<(), ApiError> {
        let part = |name: &str| path_part(pattern, path, name);
        let (id, missing) = if let Some(Ok(id)) = part("scan_id").map(str::parse) {
            (OwnedObjectId::Scan(id), ApiError::ScanNotFound)
        } else if let Some(Ok(id)) = part("analysis_id").map(str::parse) {
            (OwnedObjectId::Analysis(id), ApiError::AnalysisNotFound)
        } else if let Some(Ok(id)) = part("prediction_id").map(str::parse) {
            (OwnedObjectId::Prediction(id), ApiError::PredictionNotFound)
        } else {
            // A list, which its handler limits, or an identifier that is none, which the handler refuses.
            return Ok(());
        };
        let found: Option<OwnedObject> = self.gateway.database.owned_object(id).await?;
        if let Some(found) = &found {
            self.scan_id = found.scan_id;
            self.patient_id = found.patient_id;
        }
        if is_limited_to_own {
            let is_own = found
                .zip(self.caller.owner())
                .is_some_and(|(found, owner)| found.belongs_to(&owner));
            if !is_own {
                return Err(missing);
            }
        }
        Ok(())
    }

    async fn record_refusal(&self, refusal: &ApiError) -> Result<(), ApiError> {
        let status = refusal.status_code();
        let Some(action) = self.operation.audit.action() else {
            return Ok(());
        };
        let mut event = self.event(action, outcome_of(status), Some(status));
        event.detail = refusal.code().to_owned();
        // Anybody can send these without end.
        self.trail.record_once_in_a_while(event).await
    }

    async fn record_beginning(&self) -> Result<(), ApiError> {
        let Audit::Change(action) = self.operation.audit else {
            return Ok(());
        };
        let event = self.event(action, AuditOutcome::Begun, None);
        self.trail.record(event).await
    }

    async fn record_end(&self, status: StatusCode) -> Result<(), ApiError> {
        let Some(action) = self.operation.audit.action() else {
            return Ok(());
        };
        let also_patient = self.notes.take_also_patient();
        let event = self.event(action, outcome_of(status), Some(status));
        if let Some(patient_id) = also_patient {
            let also = NewAuditEvent {
                patient_id: Some(patient_id),
                ..event.clone()
            };
            self.trail.record(also).await?;
        }
        // Anybody can fail to sign in without end.
        let is_failed_sign_in = self.operation.rule == Rule::Public
            && status.is_client_error()
            && event.outcome == AuditOutcome::Refused;
        match self.operation.audit {
            Audit::Repeated(_) => self.trail.record_once_in_a_while(event).await,
            _ if is_failed_sign_in => self.trail.record_once_in_a_while(event).await,
            _ => self.trail.record(event).await,
        }
    }

    fn event(&self, action: &str, outcome: AuditOutcome, status: Option<StatusCode>) -> NewAuditEvent {
        let notes = self.notes.take();
        let kind = action.split('.').next().unwrap_or_default();
        let object = notes
            .object_id
            .map(|id| AuditObject {
                kind: kind.to_owned(),
                id,
            })
            .or_else(|| self.object.clone());
        NewAuditEvent {
            at: Utc::now(),
            action: action.to_owned(),
            outcome: notes.outcome.unwrap_or(outcome),
            actor: notes.actor.unwrap_or_else(|| self.caller.actor()),
            source_address: self.source.map(|source| source.to_string()).unwrap_or_default(),
            object,
            patient_id: notes.patient_id.or(self.patient_id),
            scan_id: notes.scan_id.or(self.scan_id),
            status: status.map(|status| status.as_u16()),
            detail: notes.detail.unwrap_or_default(),
        }
    }
}

fn outcome_of(status: StatusCode) -> AuditOutcome {
    match status.as_u16() {
        401 | 403 | 429 => AuditOutcome::Refused,
        400.. => AuditOutcome::Failed,
        _ => AuditOutcome::Success,
    }
}
