//! What a client takes (PS3.18 section 8.7): media ranges of `Accept`, or of the parameter `accept` in its stead.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Query;

use crate::problem::ApiError;

pub(crate) const DICOM: &str = "application/dicom";
pub(crate) const DICOM_JSON: &str = "application/dicom+json";
pub(crate) const OCTETS: &str = "application/octet-stream";

const WHOLE: u16 = 1000;

/// One media range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaRange {
    /// In lower case, without parameters.
    pub(crate) name: String,
    /// `type` of `multipart/related`, in lower case.
    pub(crate) part: Option<String>,
    pub(crate) transfer_syntax: Option<String>,
    /// `q`, of 1000 (RFC 9110 section 12.4.2).
    weight: u16,
}

impl MediaRange {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split_outside_quotes(text, ';').into_iter();
        let mut range = Self {
            name: parts.next()?.trim().to_ascii_lowercase(),
            part: None,
            transfer_syntax: None,
            weight: WHOLE,
        };
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "type" => range.part = Some(value.to_ascii_lowercase()),
                "transfer-syntax" => range.transfer_syntax = Some(value.to_owned()),
                "q" => {
                    let weight = value.parse::<f32>().unwrap_or(1.0).clamp(0.0, 1.0);
                    range.weight = (weight * f32::from(WHOLE)).round() as u16;
                }
                _ => {}
            }
        }
        (!range.name.is_empty() && range.weight > 0).then_some(range)
    }

    /// Whether this type, not as a part, is taken.
    pub(super) fn takes(&self, media_type: &str) -> bool {
        matches_range(&self.name, media_type)
    }

    /// Whether `multipart/related` with parts of this type is taken.
    pub(super) fn takes_parts(&self, media_type: &str) -> bool {
        let is_multipart = matches_range(&self.name, "multipart/related");
        is_multipart
            && self
                .part
                .as_deref()
                .is_none_or(|part| matches_range(part, media_type))
    }
}

fn matches_range(range: &str, media_type: &str) -> bool {
    range == "*/*"
        || range == media_type
        || range
            .strip_suffix("/*")
            .is_some_and(|kind| media_type.split('/').next() == Some(kind))
}

/// The media ranges of a request, those that it likes best first, else in its order; `*/*` where it names none.
pub(crate) fn accepted(request: &HttpRequest) -> Vec<MediaRange> {
    let parameter = Query::<Vec<(String, String)>>::from_query(request.query_string())
        .ok()
        .and_then(|pairs| pairs.into_inner().into_iter().find(|(name, _)| name == "accept"))
        .map(|(_, value)| value);
    let header = || {
        let values = request.headers().get_all(header::ACCEPT);
        values
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(",")
    };
    let text = parameter.unwrap_or_else(header);
    let mut ranges: Vec<MediaRange> = split_outside_quotes(&text, ',')
        .into_iter()
        .filter_map(MediaRange::parse)
        .collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
    if ranges.is_empty() && text.trim().is_empty() {
        return MediaRange::parse("*/*").into_iter().collect();
    }
    ranges
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
    let ranges = accepted(request);
    let is_had = |range: &&MediaRange| match range.transfer_syntax.as_deref() {
        None | Some("*") => true,
        Some(wanted) => transfer_syntaxes.iter().all(|had| *had == wanted),
    };
    for range in ranges.iter().filter(is_had) {
        if range.takes_parts(media_type) {
            return Ok(Form::Multipart);
        }
        if may_be_single && range.takes(media_type) {
            return Ok(Form::Single);
        }
    }
    Err(ApiError::NotAcceptable(told))
}

/// The first of these types that is taken, in the order of the request's ranges.
pub(crate) fn choose_type(request: &HttpRequest, had: &[&'static str]) -> Option<&'static str> {
    let ranges = accepted(request);
    ranges
        .iter()
        .find_map(|range| had.iter().copied().find(|media_type| range.takes(media_type)))
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted) = (0, false);
    for (at, character) in text.char_indices() {
        if character == '"' {
            is_quoted = !is_quoted;
        } else if character == separator && !is_quoted {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
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
        ] {
            assert_eq!(form(accept, single), expected, "{accept}");
        }
        let request = TestRequest::with_uri("/x?accept=image/png").to_http_request();
        assert_eq!(
            choose_type(&request, &["image/jpeg", "image/png"]),
            Some("image/png")
        );
    }
}
