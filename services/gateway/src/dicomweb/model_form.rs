//! In which model a client takes data sets: DICOM JSON (PS3.18 annex F) or the Native DICOM Model (PS3.19 annex A). An origin server
//! has both (PS3.18 sections 8.7.3 and 11.1).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use norma_dicom_instances::{Attributes, write_native_model};
use uuid::Uuid;

use crate::dicomweb::accept::{DICOM_JSON, accepted};
use crate::http::media_range::liked_best;
use crate::problem::ApiError;

pub(crate) const DICOM_XML: &str = "application/dicom+xml";
/// Of XML.
const PARTS: &str = "multipart/related";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelForm {
    Json,
    /// One document.
    Xml,
    /// Documents as parts (RFC 2387), between these boundaries.
    XmlParts(String),
}

impl ModelForm {
    /// Of a list of data sets.
    ///
    /// # Errors
    /// [`ApiError::NotAcceptable`] where the client takes neither.
    pub(crate) fn of_list(request: &HttpRequest) -> Result<Self, ApiError> {
        Self::choose(request, false)
    }

    /// Of one data set, which need not be a part.
    ///
    /// # Errors
    /// [`ApiError::NotAcceptable`] where the client takes neither.
    pub(crate) fn of_one(request: &HttpRequest) -> Result<Self, ApiError> {
        Self::choose(request, true)
    }

    /// By the range of the request that it likes best of those that are had.
    fn choose(request: &HttpRequest, is_one: bool) -> Result<Self, ApiError> {
        let had = match is_one {
            true => &[DICOM_JSON, "application/json", PARTS, DICOM_XML][..],
            false => &[DICOM_JSON, "application/json", PARTS][..],
        };
        let liked = liked_best(&accepted(request), had, |range, media_type| match media_type {
            PARTS => range.names_parts(DICOM_XML),
            single => range.names(single),
        });
        let form = liked.map(|media_type| match media_type {
            PARTS => Self::XmlParts(Uuid::now_v7().to_string()),
            DICOM_XML => Self::Xml,
            _ => Self::Json,
        });
        form.ok_or(ApiError::NotAcceptable(
            "application/dicom+json or multipart/related; type=\"application/dicom+xml\"",
        ))
    }

    pub(crate) fn media_type(&self) -> String {
        match self {
            Self::Json => DICOM_JSON.to_owned(),
            Self::Xml => DICOM_XML.to_owned(),
            Self::XmlParts(boundary) => {
                format!("multipart/related; type=\"{DICOM_XML}\"; boundary={boundary}")
            }
        }
    }

    /// The bytes of a data set, with what stands before it.
    pub(crate) fn piece(&self, is_first: bool, document: &Attributes) -> Result<Vec<u8>, ApiError> {
        match self {
            Self::Json => {
                let mut json = if is_first { b"[".to_vec() } else { b",".to_vec() };
                serde_json::to_writer(&mut json, document).map_err(ApiError::internal)?;
                Ok(json)
            }
            Self::Xml => Ok(write_native_model(document).into_bytes()),
            Self::XmlParts(boundary) => {
                let before = if is_first { "" } else { "\r\n" };
                let xml = write_native_model(document);
                Ok(format!("{before}--{boundary}\r\nContent-Type: {DICOM_XML}\r\n\r\n{xml}").into_bytes())
            }
        }
    }

    /// What stands after the last data set.
    pub(crate) fn end(&self) -> Vec<u8> {
        match self {
            Self::Json => b"]".to_vec(),
            Self::Xml => Vec::new(),
            Self::XmlParts(boundary) => format!("\r\n--{boundary}--\r\n").into_bytes(),
        }
    }

    /// Answers data sets, of which there is at least one.
    pub(crate) fn answer(
        &self,
        documents: &[Attributes],
        mut response: HttpResponseBuilder,
    ) -> Result<HttpResponse, ApiError> {
        let mut body = Vec::new();
        for (at, document) in documents.iter().enumerate() {
            body.extend(self.piece(at == 0, document)?);
        }
        body.extend(self.end());
        Ok(response
            .content_type(self.media_type())
            .insert_header((header::CACHE_CONTROL, "private, no-store"))
            .body(body))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn accepting(text: &str) -> HttpRequest {
        TestRequest::default()
            .insert_header(("accept", text))
            .to_http_request()
    }

    #[test]
    fn the_first_that_is_taken_is_given() {
        let xml = "multipart/related; type=\"application/dicom+xml\"";
        let form = |text: &str| ModelForm::of_list(&accepting(text)).unwrap();
        assert_eq!(form("*/*"), ModelForm::Json);
        assert_eq!(form("application/json"), ModelForm::Json);
        assert_eq!(
            form("application/dicom+json, application/dicom+xml"),
            ModelForm::Json
        );
        assert!(matches!(form(xml), ModelForm::XmlParts(_)));
        assert!(matches!(
            form(&format!("{xml}, application/dicom+json")),
            ModelForm::XmlParts(_)
        ));
        assert_eq!(
            ModelForm::of_one(&accepting("application/dicom+xml")).unwrap(),
            ModelForm::Xml
        );
        let liked = format!("application/dicom+json; q=0.1, {xml}; q=0.9");
        assert!(matches!(form(&liked), ModelForm::XmlParts(_)));
        assert!(matches!(
            form("*/*, application/json; q=0, application/dicom+json; q=0"),
            ModelForm::XmlParts(_)
        ));
        for refused in [
            "*/*; q=0, application/dicom+xml",
            "application/dicom+json; q=0, application/json; q=0, multipart/*; q=0, */*",
            "application/dicom+xml",
            "application/dicom",
            "multipart/related; type=\"application/dicom\"",
        ] {
            assert!(ModelForm::of_list(&accepting(refused)).is_err(), "{refused}");
        }
    }
}
