//! The one table of who may do what, and of what the audit trail is told. An operation that is not here is refused to
//! everybody.

use actix_web::http::Method;
use norma_domain::{Role, Roles};

/// Who is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anybody; who asks is not looked at.
    Public,
    /// Anybody; the answer may say more to those who are known.
    PublicKnowing,
    /// Whoever is signed in or shows a key.
    Known,
    /// Whoever holds one of these roles. An integrator among them sees only what it uploaded itself.
    Roles(Roles),
}

/// What the audit trail is told of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audit {
    /// Nothing: it concerns neither patients nor access.
    None,
    /// One event, after it.
    Event(&'static str),
    /// One event for the same caller and object in a while, and one with the count of those that followed: the slices of a
    /// volume are one look at a study, a list that a page asks for again and again is one look at the list.
    Repeated(&'static str),
    /// An event before the change and one after it, so that no change is without a trace.
    Change(&'static str),
}

impl Audit {
    pub(crate) const fn action(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Event(action) | Self::Repeated(action) | Self::Change(action) => Some(action),
        }
    }
}

/// One operation of the interface.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) rule: Rule,
    pub(crate) audit: Audit,
}

/// Acts before which a person shows again who they are, where that was long ago (`identity.session.verified_minutes`), by their
/// action in the audit trail: whoever finds a page open, or has a cookie, neither makes an own way in nor takes away what
/// cannot be had again.
const ASKS_WHO_IT_IS: &[&str] = &[
    "patient.delete",
    "patient.export",
    "key.create",
    "key.confirm",
    "user.create",
    "user.update",
    "user.delete",
    "user.sign_in_link",
    "user.second_factor_begin",
    "user.second_factor_set",
    "user.second_factor_remove",
    "user.second_factor_reset",
    "user.recovery_codes",
    "user.passkey_begin",
    "user.passkey_remove",
    "user.passkey_reset",
];

/// Acts whose body is an upload, by their action in the audit trail.
const TAKES_AN_UPLOAD: &[&str] = &[
    "scan.upload",
    "scan.inspect",
    "prediction.request",
    "dicomweb.store",
];

impl Operation {
    pub(crate) fn takes_an_upload(&self) -> bool {
        self.audit
            .action()
            .is_some_and(|action| TAKES_AN_UPLOAD.contains(&action))
    }

    pub(crate) fn asks_who_it_is(&self) -> bool {
        self.audit
            .action()
            .is_some_and(|action| ASKS_WHO_IT_IS.contains(&action))
    }
}

const CLINICIAN: Rule = Rule::Roles(Roles::of(&[Role::Clinician]));
const CLINICIAN_OR_OWN: Rule = Rule::Roles(Roles::of(&[Role::Clinician, Role::Integrator]));
const CLINICIAN_OR_ADMINISTRATOR: Rule = Rule::Roles(Roles::of(&[Role::Clinician, Role::Administrator]));
const OPERATOR: Rule = Rule::Roles(Roles::of(&[Role::Operator]));
const OPERATOR_OR_ADMINISTRATOR: Rule = Rule::Roles(Roles::of(&[Role::Operator, Role::Administrator]));
const ADMINISTRATOR: Rule = Rule::Roles(Roles::of(&[Role::Administrator]));

macro_rules! operations {
    ($($method:ident $path:literal $rule:expr, $audit:expr;)*) => {
        &[$(Operation { method: Method::$method, path: $path, rule: $rule, audit: $audit }),*]
    };
}

#[rustfmt::skip]
pub(crate) const OPERATIONS: &[Operation] = operations! {
    GET "/api/patients" CLINICIAN, Audit::Repeated("patient.search");
    POST "/api/patients" CLINICIAN, Audit::Change("patient.create");
    GET "/api/patients/{patient_id}" CLINICIAN, Audit::Event("patient.read");
    PUT "/api/patients/{patient_id}" CLINICIAN, Audit::Change("patient.update");
    DELETE "/api/patients/{patient_id}" CLINICIAN, Audit::Change("patient.delete");
    POST "/api/patients/{patient_id}/export" CLINICIAN, Audit::Change("patient.export");
    GET "/api/patients/{patient_id}/erasure" CLINICIAN_OR_ADMINISTRATOR, Audit::Event("patient.erasure");
    POST "/api/patients/{patient_id}/merge" CLINICIAN, Audit::Change("patient.merge");

    GET "/api/scans" CLINICIAN_OR_OWN, Audit::Repeated("scan.search");
    POST "/api/scans" CLINICIAN_OR_OWN, Audit::Change("scan.upload");
    POST "/api/scans/inspect" CLINICIAN, Audit::Event("scan.inspect");
    GET "/api/scans/{scan_id}" CLINICIAN_OR_OWN, Audit::Event("scan.read");
    PUT "/api/scans/{scan_id}" CLINICIAN, Audit::Change("scan.update");
    PUT "/api/scans/{scan_id}/patient" CLINICIAN, Audit::Change("scan.move");
    DELETE "/api/scans/{scan_id}" CLINICIAN, Audit::Change("scan.delete");
    GET "/api/scans/{scan_id}/file" CLINICIAN_OR_OWN, Audit::Event("scan.download");
    POST "/api/scans/{scan_id}/analyze" CLINICIAN_OR_OWN, Audit::Change("analysis.request");
    GET "/api/scans/{scan_id}/analyses" CLINICIAN_OR_OWN, Audit::Repeated("analysis.search");
    GET "/api/scans/{scan_id}/report" CLINICIAN_OR_OWN, Audit::Event("report.read");
    GET "/api/scans/{scan_id}/volume" CLINICIAN_OR_OWN, Audit::Repeated("pixels.read");
    GET "/api/scans/{scan_id}/slices/{slice}" CLINICIAN_OR_OWN, Audit::Repeated("pixels.read");
    GET "/api/scans/{scan_id}/slices/{slice}.png" CLINICIAN_OR_OWN, Audit::Repeated("pixels.read");
    GET "/api/scans/{scan_id}/heatmaps/{stage}/{slice}" CLINICIAN_OR_OWN, Audit::Repeated("pixels.read");
    GET "/api/scans/{scan_id}/heatmaps/{stage}/{slice}.png" CLINICIAN_OR_OWN, Audit::Repeated("pixels.read");

    POST "/api/analyses" CLINICIAN, Audit::Change("analysis.request_many");
    GET "/api/analyses/{analysis_id}" CLINICIAN_OR_OWN, Audit::Repeated("analysis.read");
    GET "/api/analyses/{analysis_id}/report" CLINICIAN_OR_OWN, Audit::Event("report.read");
    GET "/api/analyses/{analysis_id}/dicom" CLINICIAN_OR_OWN, Audit::Event("report.read");
    GET "/api/analyses/{analysis_id}/dicom/{object}" CLINICIAN_OR_OWN, Audit::Event("report.read");
    GET "/api/analyses/{analysis_id}/feedback" CLINICIAN, Audit::Event("feedback.read");
    POST "/api/analyses/{analysis_id}/feedback" CLINICIAN, Audit::Change("feedback.give");
    DELETE "/api/analyses/{analysis_id}/feedback/{feedback_id}" CLINICIAN, Audit::Change("feedback.withdraw");

    GET "/api/studies" CLINICIAN, Audit::Repeated("study.search");
    GET "/api/events" CLINICIAN, Audit::Repeated("analysis.follow");

    POST "/inference/predict" CLINICIAN_OR_OWN, Audit::Change("prediction.request");
    POST "/api/inference/predict" CLINICIAN_OR_OWN, Audit::Change("prediction.request");
    GET "/inference/predictions" CLINICIAN_OR_OWN, Audit::Repeated("prediction.search");
    GET "/inference/predictions/{prediction_id}" CLINICIAN_OR_OWN, Audit::Repeated("prediction.read");

    GET "/api/session" Rule::Known, Audit::None;
    POST "/api/session" Rule::Public, Audit::Event("sign_in.password");
    DELETE "/api/session" Rule::Known, Audit::Event("sign_out");
    POST "/api/session/token" Rule::Public, Audit::Event("sign_in.link");
    GET "/api/sessions" Rule::Known, Audit::Repeated("session.search");
    DELETE "/api/sessions" Rule::Known, Audit::Change("session.end_others");
    DELETE "/api/sessions/{session_id}" Rule::Known, Audit::Change("session.end");
    PUT "/api/session/password" Rule::Known, Audit::Change("user.password");
    POST "/api/session/verification" Rule::Known, Audit::Event("sign_in.verification");
    GET "/api/session/second-factor" Rule::Known, Audit::None;
    POST "/api/session/second-factor" Rule::Known, Audit::Change("user.second_factor_begin");
    PUT "/api/session/second-factor" Rule::Known, Audit::Change("user.second_factor_set");
    DELETE "/api/session/second-factor" Rule::Known, Audit::Change("user.second_factor_remove");
    POST "/api/session/recovery-codes" Rule::Known, Audit::Change("user.recovery_codes");
    GET "/api/session/passkeys" Rule::Known, Audit::None;
    POST "/api/session/passkeys/challenge" Rule::Known, Audit::Change("user.passkey_begin");
    POST "/api/session/passkeys" Rule::Known, Audit::Change("user.passkey_add");
    DELETE "/api/session/passkeys/{passkey_id}" Rule::Known, Audit::Change("user.passkey_remove");
    POST "/api/session/passkey/challenge" Rule::Public, Audit::Repeated("sign_in.passkey_begin");
    POST "/api/session/passkey" Rule::Public, Audit::Event("sign_in.passkey");
    POST "/api/session/verification/passkey/challenge" Rule::Known, Audit::Event("sign_in.verification_begin");
    POST "/api/session/verification/passkey" Rule::Known, Audit::Event("sign_in.verification");
    GET "/api/login-options" Rule::Public, Audit::None;
    GET "/api/openid/start" Rule::Public, Audit::None;
    GET "/api/openid/callback" Rule::Public, Audit::Event("sign_in.openid");

    GET "/api/users" ADMINISTRATOR, Audit::Repeated("user.search");
    POST "/api/users" ADMINISTRATOR, Audit::Change("user.create");
    GET "/api/users/{user_id}" ADMINISTRATOR, Audit::Event("user.read");
    PUT "/api/users/{user_id}" ADMINISTRATOR, Audit::Change("user.update");
    DELETE "/api/users/{user_id}" ADMINISTRATOR, Audit::Change("user.delete");
    POST "/api/users/{user_id}/sign-in-link" ADMINISTRATOR, Audit::Change("user.sign_in_link");
    GET "/api/users/{user_id}/sessions" ADMINISTRATOR, Audit::Repeated("user.sessions");
    DELETE "/api/users/{user_id}/sessions" ADMINISTRATOR, Audit::Change("user.end_sessions");
    DELETE "/api/users/{user_id}/sessions/{session_id}" ADMINISTRATOR, Audit::Change("user.end_session");
    DELETE "/api/users/{user_id}/second-factor" ADMINISTRATOR, Audit::Change("user.second_factor_reset");
    GET "/api/users/{user_id}/passkeys" ADMINISTRATOR, Audit::Repeated("user.passkeys");
    DELETE "/api/users/{user_id}/passkeys/{passkey_id}" ADMINISTRATOR, Audit::Change("user.passkey_reset");
    GET "/api/keys" ADMINISTRATOR, Audit::Repeated("key.search");
    POST "/api/keys" ADMINISTRATOR, Audit::Change("key.create");
    POST "/api/keys/{key_id}/confirm" ADMINISTRATOR, Audit::Change("key.confirm");
    DELETE "/api/keys/{key_id}" ADMINISTRATOR, Audit::Change("key.revoke");
    GET "/api/audit" ADMINISTRATOR, Audit::Event("audit.read");
    GET "/api/audit/export" ADMINISTRATOR, Audit::Event("audit.export");

    GET "/api/deliveries" OPERATOR_OR_ADMINISTRATOR, Audit::Repeated("delivery.search");
    GET "/api/deliveries/destinations" OPERATOR_OR_ADMINISTRATOR, Audit::None;
    POST "/api/deliveries/send-again" OPERATOR_OR_ADMINISTRATOR, Audit::Change("delivery.send_again");
    POST "/api/deliveries/{delivery_id}/send-again" OPERATOR_OR_ADMINISTRATOR, Audit::Change("delivery.send_again");

    GET "/api/pacs/connections" OPERATOR_OR_ADMINISTRATOR, Audit::None;
    POST "/api/pacs/connections/{way}/{name}/echo" OPERATOR_OR_ADMINISTRATOR, Audit::Change("pacs.echo");
    // It names studies.
    GET "/api/pacs/arrivals" OPERATOR_OR_ADMINISTRATOR, Audit::Repeated("pacs.arrivals");
    GET "/api/routing/rules" OPERATOR_OR_ADMINISTRATOR, Audit::None;
    GET "/api/pacs/sources" OPERATOR_OR_ADMINISTRATOR, Audit::None;
    // Its answers name patients.
    POST "/api/pacs/find" CLINICIAN, Audit::Event("pacs.find");
    GET "/api/pacs/pulls" OPERATOR_OR_ADMINISTRATOR, Audit::Repeated("pull.search");
    POST "/api/pacs/pulls" OPERATOR_OR_ADMINISTRATOR, Audit::Change("pull.ask");
    GET "/api/pacs/pulls/{pull_id}" OPERATOR_OR_ADMINISTRATOR, Audit::Repeated("pull.read");
    POST "/api/pacs/pulls/{pull_id}/pull-again" OPERATOR_OR_ADMINISTRATOR, Audit::Change("pull.again");

    GET "/api/drift" OPERATOR, Audit::None;
    GET "/api/shadow" OPERATOR, Audit::None;
    GET "/api/threshold-proposals" OPERATOR, Audit::Repeated("threshold_proposal.search");
    POST "/api/threshold-proposals" OPERATOR, Audit::Change("threshold_proposal.make");
    GET "/api/threshold-proposals/{proposal_id}" OPERATOR, Audit::Event("threshold_proposal.read");
    POST "/api/threshold-proposals/{proposal_id}/accept" OPERATOR, Audit::Change("threshold_proposal.accept");
    POST "/api/threshold-proposals/{proposal_id}/decline" OPERATOR, Audit::Change("threshold_proposal.decline");
    POST "/api/threshold-proposals/{proposal_id}/withdraw" OPERATOR, Audit::Change("threshold_proposal.withdraw");

    GET "/api/bundle" Rule::Known, Audit::None;
    GET "/healthz" Rule::Public, Audit::None;
    GET "/readyz" Rule::PublicKnowing, Audit::None;
    GET "/metrics" OPERATOR, Audit::None;

    // DICOMweb; its interface is the standard's, and not in the OpenAPI document.
    GET "/dicom-web/studies" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/series" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/instances" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/studies/{study}/series" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/studies/{study}/instances" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/studies/{study}/series/{series}/instances" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.search");
    GET "/dicom-web/studies/{study}" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    POST "/dicom-web/studies" CLINICIAN_OR_OWN, Audit::Change("dicomweb.store");
    POST "/dicom-web/studies/{study}" CLINICIAN_OR_OWN, Audit::Change("dicomweb.store");
    GET "/dicom-web/studies/{study}/metadata" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/thumbnail" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/metadata" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/thumbnail" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{attribute}" CLINICIAN_OR_OWN, Audit::Repeated("dicomweb.retrieve");
    GET "/dicom-web/workitems" CLINICIAN_OR_OWN, Audit::Repeated("workitem.search");
    POST "/dicom-web/workitems" CLINICIAN_OR_OWN, Audit::Change("workitem.create");
    GET "/dicom-web/workitems/{workitem}" CLINICIAN_OR_OWN, Audit::Repeated("workitem.read");
    POST "/dicom-web/workitems/{workitem}" CLINICIAN_OR_OWN, Audit::Change("workitem.update");
    PUT "/dicom-web/workitems/{workitem}/state" CLINICIAN_OR_OWN, Audit::Change("workitem.state");
    POST "/dicom-web/workitems/{workitem}/cancelrequest" CLINICIAN_OR_OWN, Audit::Change("workitem.cancel");
    POST "/dicom-web/workitems/{workitem}/subscribers/{subscriber}" CLINICIAN_OR_OWN, Audit::Change("workitem.subscribe");
    DELETE "/dicom-web/workitems/{workitem}/subscribers/{subscriber}" CLINICIAN_OR_OWN, Audit::Change("workitem.unsubscribe");
    POST "/dicom-web/workitems/{workitem}/subscribers/{subscriber}/suspend" CLINICIAN_OR_OWN, Audit::Change("workitem.suspend");
    GET "/dicom-web/subscribers/{subscriber}" CLINICIAN_OR_OWN, Audit::Event("workitem.follow");
    GET "/dicom-web/ws/subscribers/{subscriber}" CLINICIAN_OR_OWN, Audit::Event("workitem.follow");

    // Not in the OpenAPI document: the document itself and the page that shows it.
    GET "/openapi.json" Rule::Public, Audit::None;
    GET "/docs" Rule::Public, Audit::None;
    GET "/docs/{_:.*}" Rule::Public, Audit::None;
};

/// The rule of an operation.
pub(crate) fn find(method: &Method, path: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.method == method && operation.path == path)
}

/// The methods of a path.
pub(crate) fn methods_of(path: &str) -> Vec<Method> {
    let operations = OPERATIONS.iter().filter(|operation| operation.path == path);
    operations
        .flat_map(|operation| {
            // What can be read answers HEAD too.
            let head = (operation.method == Method::GET).then_some(Method::HEAD);
            std::iter::once(operation.method.clone()).chain(head)
        })
        .collect()
}

/// The part of a request's path that a pattern has at `{name}`.
pub(crate) fn path_part<'path>(pattern: &str, path: &'path str, name: &str) -> Option<&'path str> {
    let wanted = format!("{{{name}}}");
    pattern
        .split('/')
        .zip(path.split('/'))
        .find_map(|(part, value)| (part == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_document_has_a_rule() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method: Method = method.to_uppercase().parse().unwrap();
                assert!(find(&method, path).is_some(), "{method} {path} has no rule");
            }
        }
    }

    #[test]
    fn no_rule_is_given_twice_and_none_is_left_over() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        for (index, operation) in OPERATIONS.iter().enumerate() {
            let first = OPERATIONS
                .iter()
                .position(|other| other.method == operation.method && other.path == operation.path);
            assert_eq!(first, Some(index), "{} {}", operation.method, operation.path);
            let is_documented = document["paths"][operation.path]
                .get(operation.method.as_str().to_lowercase())
                .is_some();
            let is_apart = ["/openapi.json", "/docs", "/dicom-web/"]
                .iter()
                .any(|apart| operation.path.starts_with(apart));
            assert!(is_documented != is_apart, "{}", operation.path);
        }
    }

    #[test]
    fn acts_that_ask_who_it_is_or_take_an_upload_are_operations() {
        for action in ASKS_WHO_IT_IS.iter().chain(TAKES_AN_UPLOAD) {
            let is_known = OPERATIONS
                .iter()
                .any(|operation| operation.audit.action() == Some(action));
            assert!(is_known, "{action}");
        }
    }

    #[test]
    fn parts_of_a_path_are_found() {
        let pattern = "/api/scans/{scan_id}/slices/{slice}.png";
        assert_eq!(
            path_part(pattern, "/api/scans/7/slices/3.png", "scan_id"),
            Some("7")
        );
        assert_eq!(path_part(pattern, "/api/scans/7/slices/3.png", "user_id"), None);
    }
}
