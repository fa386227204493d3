//! What a client takes (PS3.18 section 8.7): media ranges of `Accept`, or of the parameter `accept` in its stead.

use actix_web::HttpRequest;
use actix_web::web::Query;

use crate::http::media_range::{MediaRange, liked_best};
use crate::problem::ApiError;

pub(crate) const DICOM: &str = "application/dicom";
pub(crate) const DICOM_JSON: &str = "application/dicom+json";
pub(crate) const OCTETS: &str = "application/octet-stream";

/// The media ranges of a request in its order, those included that it does not take (`q=0`); `*/*` where it names none.
pub(crate) fn accepted(request: &HttpRequest) -> Vec<MediaRange> {
    let parameter = Query::<Vec<(String, String)>>::from_query(request.query_string())
        .ok()
        .and_then(|pairs| pairs.into_inner().into_iter().find(|(name, _)| name == "accept"))
        .map(|(_, value)| value);
    match parameter {
        Some(text) => MediaRange::all_of(&text),
        None => MediaRange::accepted(request),
    }
}

/// In what form something is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Multipart,
    Single,
}

/// The form in which objects of this type are answered. `transfer_syntaxes`: those that can be had; one that is not named may
/// be any of them. `may_be_single`: whether there is but one.
///
/// # Errors
/// [`ApiError::NotAcceptable`] with `told`.
pub(crate) fn choose_form(
    request: &HttpRequest,
    media_type: &str,
    transfer_syntaxes: &[&str],
    may_be_single: bool,
    told: &'static str,
) -> Result<Form, ApiError> {
    let is_had = |range: &MediaRange| match range.transfer_syntax.as_deref() {
        None | Some("*") => true,
        Some(wanted) => transfer_syntaxes.iter().all(|had| *had == wanted),
    };
    let forms: &[Form] = match may_be_single {
        true => &[Form::Multipart, Form::Single],
        false => &[Form::Multipart],
    };
    let form = liked_best(&accepted(request), forms, |range, form| {
        let named = match form {
            Form::Multipart => range.names_parts(media_type),
            Form::Single => range.names(media_type),
        };
        named.filter(|_| is_had(range))
    });
    form.ok_or(ApiError::NotAcceptable(told))
}

/// The one of these types that is liked best.
pub(crate) fn choose_type(request: &HttpRequest, had: &[&'static str]) -> Option<&'static str> {
    liked_best(&accepted(request), had, |range, media_type| {
        range.names(media_type)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;
    use actix_web::test::TestRequest;

    use super::*;

    fn form(accept: &str, single: bool) -> Option<Form> {
        let request = TestRequest::default()
            .insert_header((header::ACCEPT, accept))
            .to_http_request();
        choose_form(&request, DICOM, &["1.2.840.10008.1.2.1"], single, "DICOM").ok()
    }

    #[test]
    fn forms_of_dicom() {
        use Form::{Multipart, Single};
        for (accept, single, expected) in [
            (
                "multipart/related; type=\"application/dicom\"",
                true,
                Some(Multipart),
            ),
            (
                "multipart/related; type=application/dicom; transfer-syntax=*",
                true,
                Some(Multipart),
            ),
            (
                "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.1",
                true,
                Some(Multipart),
            ),
            (
                "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.90",
                true,
                None,
            ),
            (
                "multipart/related; type=\"image/jpeg\", application/dicom",
                true,
                Some(Single),
            ),
            (
                "multipart/related; type=\"application/dicom\"; q=0.5, application/dicom; q=0.9",
                true,
                Some(Single),
            ),
            ("*/*; q=0.1, application/dicom", true, Some(Single)),
            ("application/dicom; q=0.0004, */*; q=0.1", true, Some(Multipart)),
            ("application/dicom", false, None),
            ("*/*", true, Some(Multipart)),
            ("text/html, */*;q=0", true, None),
            ("application/dicom+json", true, None),
            ("multipart/related; q=0, */*", true, Some(Single)),
            (
                "*/*, multipart/related; type=\"application/dicom\"; q=0",
                true,
                Some(Single),
            ),
            ("*/*, multipart/related; q=0", false, None),
            ("*/*; q=0, application/dicom", true, Some(Single)),
            ("application/*; q=0, */*", true, Some(Multipart)),
            ("multipart/*; q=0.1, */*; q=0.9", true, Some(Single)),
        ] {
            assert_eq!(form(accept, single), expected, "{accept}");
        }
        let request = TestRequest::with_uri("/x?accept=image/png").to_http_request();
        assert_eq!(
            choose_type(&request, &["image/jpeg", "image/png"]),
            Some("image/png")
        );
        for (accept, expected) in [
            ("image/*", Some("image/jpeg")),
            ("image/jpeg; q=0, image/*", Some("image/png")),
            ("*/*, image/jpeg; q=0, image/png; q=0", None),
            ("image/jpeg; q=0.1, image/*; q=0.9", Some("image/png")),
            ("image/png, image/jpeg", Some("image/png")),
            ("image/png; q=0.5, image/jpeg", Some("image/jpeg")),
        ] {
            let request = TestRequest::default().insert_header((header::ACCEPT, accept));
            let chosen = choose_type(&request.to_http_request(), &["image/jpeg", "image/png"]);
            assert_eq!(chosen, expected, "{accept}");
        }
    }
}
