//! Range requests over bytes (RFC 9110 section 14): one range; several are answered with the whole.

use std::ops::Range;

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
    let Some(ranges) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Ok(ByteRange::Whole);
    };
    if !if_range_matches || ranges.contains(',') {
        return Ok(ByteRange::Whole);
    }
    let Some((first, last)) = ranges.trim().split_once('-') else {
        return Ok(ByteRange::Whole);
    };
    let (first, last) = (first.trim(), last.trim());
    let range = if first.is_empty() {
        let Ok(suffix) = last.parse::<u64>() else {
            return Ok(ByteRange::Whole);
        };
        size_bytes.saturating_sub(suffix)..size_bytes
    } else {
        let Ok(first) = first.parse::<u64>() else {
            return Ok(ByteRange::Whole);
        };
        let end = if last.is_empty() {
            size_bytes
        } else {
            match last.parse::<u64>() {
                Ok(last) if last >= first => last.saturating_add(1).min(size_bytes),
                _ => return Ok(ByteRange::Whole),
            }
        };
        first..end
    };
    if range.is_empty() {
        Err(ApiError::RangeNotSatisfiable { size_bytes })
    } else {
        Ok(ByteRange::Part(range))
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
