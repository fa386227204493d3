//! Errors as the client sees them: RFC 9457 problem details with a stable `code`.
//!
//! Which error goes where: a handler answers [`ApiError`]; what is the caller's to mend has a variant of its own,
//! everything else is [`ApiError::Unavailable`] (a dependency) or [`ApiError::Internal`] (a defect), whose
//! cause is logged once, here, and never shown. Nothing a client sent (names, search texts, file names) is
//! repeated in `detail`.

use actix_web::http::header::{self, ContentType};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use norma_domain::{AnalysisId, IdentityAttribute, MassRunRow, PatientId, Reason, Roles, ScanId, Summary};

use crate::analysis_document::schema::Analysis;
use crate::problem::access_problem::AccessProblem;
use crate::problem::document::Problem;
use crate::problem::proposal_problem::ProposalProblem;
use crate::problem::pull_problem::PullProblem;
use crate::problem::workitem_problem::WorkitemRefusal;

/// Media type of a problem (RFC 9457 section 3).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Everything that a handler may answer instead of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("no such path")]
    RouteNotFound,
    #[error("the path does not take this method")]
    MethodNotAllowed { allowed: Vec<Method> },
    #[error("a page of another site may not change anything here")]
    CrossOrigin,
    #[error("with authentication off, only localhost is answered")]
    ForeignHost,
    #[error("sign in, or show an API key: `Authorization: Bearer norma_…`")]
    NotAuthenticated,
    #[error("the API key is unknown, expired or revoked")]
    InvalidKey,
    #[error("this needs one of the roles that `allowed` lists")]
    Forbidden { allowed: Roles },
    #[error(
        "a key gives no role, and no scope, that reaches further than its own (`allowed`): sign in on the page for that"
    )]
    RolesBeyondOwn { allowed: Roles },
    #[error("urgent analyses are for the roles that `allowed` lists: send it without `priority`")]
    UrgentNotPermitted { allowed: Roles },
    #[error("{most} urgent analyses of yours have not ended: leave `priority` out, or wait for one")]
    TooManyUrgent { most: u32 },
    #[error("only for somebody who signed in on the page, not for keys")]
    OnlyForSessions,
    #[error("the header X-CSRF-Token does not hold the session's csrf_token")]
    CsrfTokenMissing,
    #[error("login or password is wrong")]
    WrongCredentials,
    #[error("too many failed attempts: the next one is looked at in {retry_after_seconds} s")]
    TooManyAttempts { retry_after_seconds: u64 },
    #[error("the link was used already, has expired, or never was one")]
    SignInLinkInvalid,
    #[error("the current password is wrong")]
    WrongCurrentPassword,
    #[error(
        "the account has no password yet: set one (PUT /api/session/password), then everything else opens"
    )]
    PasswordNotSet,
    #[error("{0}")]
    PasswordTooWeak(String),
    #[error("authentication is off: everybody may do everything")]
    AuthenticationOff,
    #[error("the account signs in by OpenID Connect and has no password here")]
    OpenIdAccount,
    #[error("no sign-in by OpenID Connect is set up here")]
    OpenIdNotConfigured,
    #[error("somebody has this login already")]
    LoginTaken,
    #[error("no enabled administrator would be left")]
    LastAdministrator,
    #[error("no account has this identifier")]
    UserNotFound,
    #[error("no key has this identifier")]
    KeyNotFound,
    #[error("a second administrator has not confirmed the key yet: it acts once one has")]
    KeyNotConfirmed,
    #[error("another administrator confirms the key: not who made it, nor who made the key that made it")]
    KeyOfOwnMaking,
    #[error("the key waits for no confirmation: it needs none, has one, was revoked or has expired")]
    KeyAwaitsNothing,
    #[error("the account has no session of this identifier: it may have ended")]
    SessionNotFound,
    #[error("no patient has this identifier")]
    PatientNotFound,
    #[error("the patient's record was merged into another: `merged_into` names it")]
    PatientMerged { merged_into: PatientId },
    #[error(
        "this names another patient than the chosen one: `conflicts` tells in what; choose the right patient, or have a \
         person confirm it with `confirm_patient_mismatch`"
    )]
    PatientMismatch { conflicts: Vec<IdentityAttribute> },
    #[error("whose study it is was not read in time: send less at once, or confirm_patient_mismatch")]
    PatientUnread,
    #[error("the files name no patient: choose one")]
    NoPatientIdentity,
    #[error("there is no such feedback of yours")]
    FeedbackNotFound,
    #[error("no scan has this identifier")]
    ScanNotFound,
    #[error("no analysis has this identifier")]
    AnalysisNotFound,
    #[error("no prediction has this identifier")]
    PredictionNotFound,
    #[error("the scan was never analysed: request an analysis first")]
    NotAnalyzed { scan_id: ScanId },
    #[error("the analysis has not ended yet")]
    AnalysisRunning { analysis: Box<Analysis> },
    #[error("the analysis failed: there is no answer, which is not an answer of norm")]
    AnalysisFailed {
        analysis: Box<Analysis>,
        reason: Reason,
        rows: Vec<MassRunRow>,
    },
    #[error("no analysis of this scan has prepared its volume yet")]
    VolumeNotPrepared,
    #[error("the volume has {slices} slices, numbered from 0")]
    SliceNotFound { slices: usize },
    #[error("this stage left no map for this analysis")]
    HeatmapNotFound { analysis_id: AnalysisId },
    #[error(
        "the uploaded study cannot be named by DICOM objects: it is no DICOM, or its UIDs are none by the standard"
    )]
    NoDicomResults,
    #[error("the analysis has no such object: `report`, `verdict`, `key-slice-1` and so on")]
    DicomResultNotFound,
    #[error("no delivery has this identifier")]
    DeliveryNotFound,
    #[error("it has not ended: it is sent without your doing")]
    DeliveryWaiting,
    #[error(transparent)]
    Access(#[from] AccessProblem),
    #[error(transparent)]
    Proposal(#[from] ProposalProblem),
    #[error(transparent)]
    Pull(#[from] PullProblem),
    #[error(transparent)]
    Workitem(#[from] WorkitemRefusal),
    #[error("no such study, series, instance, frame or value is stored here, or not for you")]
    DicomObjectNotFound,
    #[error("{detail}")]
    InvalidParameter { parameter: String, detail: String },
    #[error("{0}")]
    InvalidBody(String),
    #[error("{0}")]
    UnsupportedMediaType(&'static str),
    #[error("this can be had as {0}")]
    NotAcceptable(&'static str),
    #[error("the form has no field {0:?}")]
    MissingField(&'static str),
    #[error("the form has the field {0:?} more than once")]
    RepeatedField(&'static str),
    #[error("the form field {field:?} is refused: {detail}")]
    InvalidField { field: &'static str, detail: String },
    #[error("the file is empty")]
    EmptyUpload,
    #[error("the upload exceeds the limit of {limit_bytes} bytes")]
    UploadTooLarge { limit_bytes: u64 },
    #[error("the upload ended before its end, or is no well-formed form")]
    UploadIncomplete,
    #[error("no byte arrived for too long, or too few in all")]
    UploadStalled,
    #[error("the body exceeds the limit of {limit_bytes} bytes")]
    BodyTooLarge { limit_bytes: u64 },
    #[error("the body did not arrive in time")]
    BodyStalled,
    #[error("too many requests: ask again in {retry_after_seconds} s")]
    TooManyRequests { retry_after_seconds: u64 },
    #[error("too many uploads are under way: send this one again soon")]
    TooManyUploads,
    #[error("the upload holds {} studies; a scan is one study: send them apart, or all to /inference/predict", studies.len())]
    SeveralStudies { studies: Vec<String> },
    #[error("the upload holds more than {limit} studies; send it in parts")]
    TooManyStudies { limit: usize },
    #[error("the upload cannot be de-identified, so nothing of it was stored: {}", reason.message)]
    NotDeidentified { reason: Reason },
    #[error(
        "every upload is de-identified here, so nothing is stored under the UIDs it comes with: upload to /inference/predict"
    )]
    StoresDeidentified,
    #[error("no patient has the given patient_id")]
    UnknownPatient,
    #[error("the bundle has no such operating point")]
    UnknownOperatingPoint { known: Vec<String> },
    #[error(
        "an analysis with another operating point, or with thresholds that were replaced since, runs (`analysis` tells which): ask \
         again once it has ended"
    )]
    OtherAnalysisRunning { analysis: Box<Analysis> },
    #[error("the Idempotency-Key was used for another request: take a new one")]
    IdempotencyKeyReused,
    #[error("the first request with this Idempotency-Key is under way: ask again")]
    RequestRunning,
    #[error("the same study is being stored by another way: send it again in a moment")]
    StudyInHand,
    #[error("it was changed meanwhile: read it again, then change what is there now")]
    ChangedMeanwhile,
    #[error("the same study is here already (`duplicate_of`): nothing was stored")]
    DuplicateScan { duplicate_of: ScanId },
    #[error("the range lies outside the {size_bytes} bytes there are")]
    RangeNotSatisfiable { size_bytes: u64 },
    #[error("the answer took too long; a change that was begun may still be made: look before you repeat it")]
    Timeout,
    #[error("the disk is full: nothing was stored")]
    StorageFull,
    #[error(
        "too little space is left on the disk for this upload: nothing was stored; what was accepted before is still finished"
    )]
    LowOnStorage,
    #[error(
        "the stored studies reach the quota of {limit_bytes} bytes: nothing was stored; what was accepted before is still finished"
    )]
    QuotaReached { limit_bytes: u64 },
    #[error("{dependency} does not answer; nothing was changed: try again later")]
    Unavailable {
        dependency: &'static str,
        #[source]
        source: anyhow::Error,
    },
    #[error("something went wrong here; it has been logged")]
    Internal(#[source] anyhow::Error),
}

impl ApiError {
    /// A defect of ours. `source` is logged when the answer is written.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self::Internal(source.into())
    }

    /// The stable code, the HTTP status and the title that belongs to the code.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::RouteNotFound => (S::NOT_FOUND, "route_not_found", "No such path"),
            Self::MethodNotAllowed { .. } => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
            }
            Self::CrossOrigin => (S::FORBIDDEN, "cross_origin", "Another site's request"),
            Self::ForeignHost => (S::FORBIDDEN, "foreign_host", "Not this host"),
            Self::NotAuthenticated => (S::UNAUTHORIZED, "not_authenticated", "Not signed in"),
            Self::InvalidKey => (S::UNAUTHORIZED, "invalid_key", "Invalid API key"),
            Self::Forbidden { .. } => (S::FORBIDDEN, "forbidden", "Not allowed"),
            Self::RolesBeyondOwn { .. } => (S::FORBIDDEN, "roles_beyond_own", "Beyond the key's own roles"),
            Self::UrgentNotPermitted { .. } => (S::FORBIDDEN, "urgent_not_permitted", "Urgent not permitted"),
            Self::TooManyUrgent { .. } => (
                S::TOO_MANY_REQUESTS,
                "too_many_urgent",
                "Too many urgent analyses",
            ),
            Self::OnlyForSessions => (S::FORBIDDEN, "only_for_sessions", "Only for sessions"),
            Self::CsrfTokenMissing => (S::FORBIDDEN, "csrf_token_missing", "CSRF token missing"),
            Self::WrongCredentials => (S::UNAUTHORIZED, "wrong_credentials", "Wrong credentials"),
            Self::TooManyAttempts { .. } => (S::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts"),
            Self::SignInLinkInvalid => (S::UNAUTHORIZED, "sign_in_link_invalid", "Sign-in link invalid"),
            Self::PasswordNotSet => (S::FORBIDDEN, "password_not_set", "Password not set"),
            Self::WrongCurrentPassword => (S::FORBIDDEN, "wrong_current_password", "Wrong current password"),
            Self::PasswordTooWeak(_) => (S::UNPROCESSABLE_ENTITY, "password_too_weak", "Password too weak"),
            Self::AuthenticationOff => (S::CONFLICT, "authentication_off", "Authentication is off"),
            Self::OpenIdAccount => (S::CONFLICT, "signs_in_by_openid", "Signs in by OpenID Connect"),
            Self::OpenIdNotConfigured => (S::NOT_FOUND, "openid_not_configured", "No OpenID Connect"),
            Self::LoginTaken => (S::CONFLICT, "login_taken", "Login taken"),
            Self::LastAdministrator => (S::CONFLICT, "last_administrator", "Last administrator"),
            Self::UserNotFound => (S::NOT_FOUND, "user_not_found", "No such account"),
            Self::KeyNotFound => (S::NOT_FOUND, "key_not_found", "No such key"),
            Self::KeyNotConfirmed => (S::UNAUTHORIZED, "key_not_confirmed", "Key not confirmed"),
            Self::KeyOfOwnMaking => (S::FORBIDDEN, "key_of_own_making", "A key of one's own making"),
            Self::KeyAwaitsNothing => (S::CONFLICT, "key_awaits_nothing", "No confirmation awaited"),
            Self::SessionNotFound => (S::NOT_FOUND, "session_not_found", "No such session"),
            Self::PatientNotFound => (S::NOT_FOUND, "patient_not_found", "No such patient"),
            Self::PatientMerged { .. } => (S::GONE, "patient_merged", "Patient merged"),
            Self::PatientMismatch { .. } => (S::CONFLICT, "patient_mismatch", "Another patient"),
            Self::PatientUnread => (S::CONFLICT, "patient_unread", "Patient not read"),
            Self::NoPatientIdentity => (S::UNPROCESSABLE_ENTITY, "no_patient_identity", "No patient named"),
            Self::FeedbackNotFound => (S::NOT_FOUND, "feedback_not_found", "No such feedback"),
            Self::ScanNotFound => (S::NOT_FOUND, "scan_not_found", "No such scan"),
            Self::AnalysisNotFound => (S::NOT_FOUND, "analysis_not_found", "No such analysis"),
            Self::PredictionNotFound => (S::NOT_FOUND, "prediction_not_found", "No such prediction"),
            Self::DicomObjectNotFound => (S::NOT_FOUND, "dicom_object_not_found", "No such DICOM object"),
            Self::DeliveryNotFound => (S::NOT_FOUND, "delivery_not_found", "No such delivery"),
            Self::DeliveryWaiting => (S::CONFLICT, "delivery_waiting", "Still to be sent"),
            Self::Access(problem) => problem.kind(),
            Self::Proposal(problem) => problem.kind(),
            Self::Pull(problem) => problem.kind(),
            Self::Workitem(refusal) => refusal.problem.kind(),
            Self::NotAnalyzed { .. } => (S::NOT_FOUND, "not_analyzed", "Not analysed"),
            Self::AnalysisRunning { .. } => (S::CONFLICT, "analysis_running", "Analysis still running"),
            Self::AnalysisFailed { .. } => (S::UNPROCESSABLE_ENTITY, "analysis_failed", "Analysis failed"),
            Self::VolumeNotPrepared => (S::NOT_FOUND, "volume_not_prepared", "No volume yet"),
            Self::SliceNotFound { .. } => (S::NOT_FOUND, "slice_not_found", "No such slice"),
            Self::HeatmapNotFound { .. } => (S::NOT_FOUND, "heatmap_not_found", "No such map"),
            Self::NoDicomResults => (S::UNPROCESSABLE_ENTITY, "no_dicom_results", "No DICOM results"),
            Self::DicomResultNotFound => (S::NOT_FOUND, "dicom_result_not_found", "No such object"),
            Self::InvalidParameter { .. } => (S::BAD_REQUEST, "invalid_parameter", "Invalid parameter"),
            Self::InvalidBody(_) => (S::BAD_REQUEST, "invalid_body", "Invalid body"),
            Self::UnsupportedMediaType(_) => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Unsupported media type",
            ),
            Self::NotAcceptable(_) => (S::NOT_ACCEPTABLE, "not_acceptable", "Not acceptable"),
            Self::MissingField(_) => (S::BAD_REQUEST, "missing_field", "Form field missing"),
            Self::RepeatedField(_) => (S::BAD_REQUEST, "repeated_field", "Form field repeated"),
            Self::InvalidField { .. } => (S::BAD_REQUEST, "invalid_field", "Form field invalid"),
            Self::EmptyUpload => (S::UNPROCESSABLE_ENTITY, "empty_upload", "Empty upload"),
            Self::UploadTooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "upload_too_large", "Upload too large"),
            Self::UploadIncomplete => (S::BAD_REQUEST, "upload_incomplete", "Upload incomplete"),
            Self::UploadStalled => (S::REQUEST_TIMEOUT, "upload_stalled", "Upload stalled"),
            Self::BodyTooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body_too_large", "Body too large"),
            Self::BodyStalled => (S::REQUEST_TIMEOUT, "body_stalled", "Body stalled"),
            Self::TooManyRequests { .. } => (S::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::TooManyUploads => (S::TOO_MANY_REQUESTS, "too_many_uploads", "Too many uploads"),
            Self::SeveralStudies { .. } => (S::UNPROCESSABLE_ENTITY, "several_studies", "Several studies"),
            Self::TooManyStudies { .. } => (S::UNPROCESSABLE_ENTITY, "too_many_studies", "Too many studies"),
            Self::NotDeidentified { .. } => {
                (S::UNPROCESSABLE_ENTITY, "not_deidentified", "Not de-identified")
            }
            Self::StoresDeidentified => (S::CONFLICT, "stores_deidentified", "Stored only de-identified"),
            Self::UnknownPatient => (S::UNPROCESSABLE_ENTITY, "unknown_patient", "Unknown patient"),
            Self::UnknownOperatingPoint { .. } => (
                S::UNPROCESSABLE_ENTITY,
                "unknown_operating_point",
                "Unknown operating point",
            ),
            Self::RangeNotSatisfiable { .. } => (
                S::RANGE_NOT_SATISFIABLE,
                "range_not_satisfiable",
                "Range not satisfiable",
            ),
            Self::OtherAnalysisRunning { .. } => (
                S::CONFLICT,
                "other_analysis_running",
                "Another analysis is running",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "Idempotency-Key used for another request",
            ),
            Self::StudyInHand => (S::SERVICE_UNAVAILABLE, "study_in_hand", "Study is being stored"),
            Self::RequestRunning => (S::CONFLICT, "request_running", "Request still running"),
            Self::ChangedMeanwhile => (S::PRECONDITION_FAILED, "changed_meanwhile", "Changed meanwhile"),
            Self::DuplicateScan { .. } => (S::CONFLICT, "duplicate_scan", "Study already here"),
            Self::Timeout => (S::GATEWAY_TIMEOUT, "timeout", "Timeout"),
            Self::StorageFull | Self::LowOnStorage | Self::QuotaReached { .. } => {
                (S::INSUFFICIENT_STORAGE, "storage_full", "Storage full")
            }
            Self::Unavailable { .. } => (S::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// The stable code that clients may rely on.
    pub fn code(&self) -> &'static str {
        self.kind().1
    }

    /// The body of the answer.
    pub fn problem(&self) -> Problem {
        let (status, code, title) = self.kind();
        let mut problem = Problem {
            r#type: format!("urn:norma:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: self.to_string(),
            ..Problem::default()
        };
        match self {
            Self::AnalysisRunning { analysis } | Self::OtherAnalysisRunning { analysis } => {
                problem.analysis = Some(analysis.clone());
            }
            Self::AnalysisFailed {
                analysis,
                reason,
                rows,
            } => {
                problem.analysis = Some(analysis.clone());
                problem.reason = Some(reason.clone());
                problem.rows = Some(rows.clone());
                problem.summary = Some(Summary {
                    has_pathology_any: None,
                });
            }
            Self::InvalidParameter { parameter, .. } => problem.parameter = Some(parameter.clone()),
            Self::MissingField(field) | Self::RepeatedField(field) | Self::InvalidField { field, .. } => {
                problem.parameter = Some((*field).to_owned());
            }
            Self::SeveralStudies { studies } => {
                problem.studies = Some(studies.clone());
            }
            Self::DuplicateScan { duplicate_of } => problem.duplicate_of = Some(*duplicate_of),
            Self::NotDeidentified { reason } => problem.reason = Some(reason.clone()),
            Self::PatientMerged { merged_into } => problem.merged_into = Some(*merged_into),
            Self::PatientMismatch { conflicts } => problem.conflicts = Some(conflicts.clone()),
            Self::Access(AccessProblem::SecondFactorRequired { passkey }) => {
                let ways = ["code", "passkey"];
                let ways = if *passkey { &ways[..] } else { &ways[..1] };
                problem.allowed = Some(ways.iter().map(ToString::to_string).collect());
            }
            Self::UnknownOperatingPoint { known } => problem.allowed = Some(known.clone()),
            Self::MethodNotAllowed { allowed } => {
                problem.allowed = Some(allowed.iter().map(ToString::to_string).collect());
            }
            Self::Forbidden { allowed }
            | Self::UrgentNotPermitted { allowed }
            | Self::RolesBeyondOwn { allowed } => {
                problem.allowed = Some(allowed.iter().map(|role| role.to_string()).collect());
            }
            Self::UploadTooLarge { limit_bytes }
            | Self::BodyTooLarge { limit_bytes }
            | Self::QuotaReached { limit_bytes } => problem.limit_bytes = Some(*limit_bytes),
            Self::Unavailable { dependency, .. } => problem.dependency = Some((*dependency).to_owned()),
            _ => {}
        }
        problem
    }

    fn log(&self) {
        match self {
            Self::Unavailable { dependency, source } => {
                tracing::error!(
                    dependency,
                    error = format!("{source:#}"),
                    "a dependency does not answer"
                );
            }
            Self::Internal(source) => {
                tracing::error!(error = format!("{source:#}"), "a request failed by our fault");
            }
            _ => tracing::debug!(code = self.code(), "a request was refused"),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind().0
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header(ContentType(
            PROBLEM_JSON.parse().expect("the constant is a media type"),
        ));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self {
            Self::AnalysisRunning { .. } | Self::OtherAnalysisRunning { .. } | Self::RequestRunning => {
                response.insert_header((header::RETRY_AFTER, "2"));
            }
            Self::Unavailable { .. } | Self::StorageFull | Self::StudyInHand => {
                response.insert_header((header::RETRY_AFTER, "5"));
            }
            Self::NotAuthenticated | Self::InvalidKey => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"norma\""));
            }
            Self::TooManyAttempts { retry_after_seconds } => {
                response.insert_header((header::RETRY_AFTER, retry_after_seconds.to_string()));
            }
            Self::TooManyRequests { retry_after_seconds } => {
                response.insert_header((header::RETRY_AFTER, retry_after_seconds.to_string()));
            }
            Self::TooManyUrgent { .. } => {
                response.insert_header((header::RETRY_AFTER, "30"));
            }
            Self::TooManyUploads => {
                response.insert_header((header::RETRY_AFTER, "5"));
                response.force_close();
            }
            Self::Workitem(refusal) => {
                if let Some(warning) = refusal.problem.warning() {
                    response.insert_header((header::WARNING, format!("299 {}: {warning}", refusal.service)));
                }
            }
            Self::RangeNotSatisfiable { size_bytes } => {
                response.insert_header((header::CONTENT_RANGE, format!("bytes */{size_bytes}")));
            }
            Self::MethodNotAllowed { allowed } => {
                let methods: Vec<&str> = allowed.iter().map(Method::as_str).collect();
                response.insert_header((header::ALLOW, methods.join(", ")));
            }
            Self::UploadTooLarge { .. }
            | Self::UploadStalled
            | Self::UploadIncomplete
            | Self::BodyTooLarge { .. }
            | Self::BodyStalled
            | Self::LowOnStorage
            | Self::QuotaReached { .. } => {
                // What remains of the body is not read.
                response.force_close();
            }
            _ => {}
        }
        response.body(serde_json::to_vec(&self.problem()).unwrap_or_default())
    }
}
