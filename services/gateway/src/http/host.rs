//! The host that a request is for, as its sender says.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Host and port: of the header, or of the address, which is where HTTP/2 says it (`:authority`, RFC 9113 section 8.3.1).
pub(crate) fn host_of(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(header::HOST);
    match header {
        Some(host) => host.to_str().ok(),
        None => request
            .uri()
            .authority()
            .map(actix_web::http::uri::Authority::as_str),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_host_is_found_where_either_version_of_http_says_it() {
        let by_header = TestRequest::with_uri("/api").insert_header((header::HOST, "norma.example:8443"));
        assert_eq!(host_of(&by_header.to_http_request()), Some("norma.example:8443"));
        let by_address = TestRequest::with_uri("https://norma.example:8443/api");
        assert_eq!(host_of(&by_address.to_http_request()), Some("norma.example:8443"));
        assert_eq!(host_of(&TestRequest::with_uri("/api").to_http_request()), None);
    }
}
