//! Range requests over bytes (RFC 9110 section 14): one range; several are answered with the whole.

use std::ops::Range;

use actix_web::http::header::Range as RangeHeader;

use crate::problem::ApiError;

/// What a request asks for of `size_bytes` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ByteRange {
    Whole,
    /// Never empty, within the size.
    Part(Range<u64>),
}

/// Reads a `Range` header. `if_range_matches` is false where an `If-Range` names another version: then the
/// whole is answered. A header of another unit or that cannot be read is ignored, as the standard has it.
pub(crate) fn parse_range(
    header: Option<&str>,
    if_range_matches: bool,
    size_bytes: u64,
) -> Result<ByteRange, ApiError> {
    let asked = header
        .filter(|_| if_range_matches)
        .and_then(|header| header.parse().ok());
    let Some(RangeHeader::Bytes(ranges)) = asked else {
        return Ok(ByteRange::Whole);
    };
    let [range] = ranges.as_slice() else {
        return Ok(ByteRange::Whole);
    };
    match range.to_satisfiable_range(size_bytes) {
        Some((first, last)) => Ok(ByteRange::Part(first..last + 1)),
        None => Err(ApiError::RangeNotSatisfiable { size_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes() {
        for (header, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=5-99", 5..10),
        ] {
            assert_eq!(
                parse_range(Some(header), true, 10).unwrap(),
                ByteRange::Part(range),
                "{header}"
            );
        }
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_the_whole() {
        for header in [
            "items=0-1",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes",
            "bytes=5",
        ] {
            assert_eq!(
                parse_range(Some(header), true, 10).unwrap(),
                ByteRange::Whole,
                "{header}"
            );
        }
        assert_eq!(
            parse_range(Some("bytes=0-1"), false, 10).unwrap(),
            ByteRange::Whole
        );
        assert_eq!(parse_range(None, true, 10).unwrap(), ByteRange::Whole);
    }

    #[test]
    fn a_range_outside_is_refused() {
        for (header, size) in [
            ("bytes=10-", 10),
            ("bytes=10-20", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
        ] {
            assert!(parse_range(Some(header), true, size).is_err(), "{header}");
        }
    }
}
