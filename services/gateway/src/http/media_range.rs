//! Media ranges of `Accept` (RFC 9110 section 12.5.1), and which of what is had a client likes best.

use std::cmp::Reverse;

use actix_web::HttpRequest;
use actix_web::http::header;

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
    /// Those of a request's `Accept`, in its order, those included that it does not take (`q=0`); `*/*` where it names none.
    pub(crate) fn accepted(request: &HttpRequest) -> Vec<Self> {
        let values = request.headers().get_all(header::ACCEPT);
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        Self::all_of(&values.join(","))
    }

    /// Those of a text, as [`MediaRange::accepted`] has them.
    pub(crate) fn all_of(text: &str) -> Vec<Self> {
        let text = if text.trim().is_empty() { "*/*" } else { text };
        let ranges = split_outside_quotes(text, ',').into_iter();
        ranges.filter_map(Self::parse).collect()
    }

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
        (!range.name.is_empty()).then_some(range)
    }

    /// How closely this type is named where it is not a part; None where it is not meant.
    pub(crate) fn names(&self, media_type: &str) -> Option<Closeness> {
        closeness(&self.name, media_type).map(Closeness)
    }

    /// How closely `multipart/related` with parts of this type is named; None where it is not meant.
    pub(crate) fn names_parts(&self, media_type: &str) -> Option<Closeness> {
        let whole = closeness(&self.name, "multipart/related")?;
        let part = match self.part.as_deref() {
            Some(part) => 1 + closeness(part, media_type)?,
            None => 0,
        };
        Some(Closeness(whole + part))
    }
}

/// How closely a media range names a type: the one that does so most closely says how much it is liked (RFC 9110 section 12.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Closeness(u8);

fn closeness(range: &str, media_type: &str) -> Option<u8> {
    if range == media_type {
        Some(2)
    } else if range == "*/*" {
        Some(0)
    } else {
        let kind = range.strip_suffix("/*")?;
        (media_type.split('/').next() == Some(kind)).then_some(1)
    }
}

/// The one of these that is liked best, of several the one that is named first; None where none is taken. `closeness`: how closely a
/// range names one.
pub(crate) fn liked_best<T: Copy>(
    ranges: &[MediaRange],
    had: &[T],
    closeness: impl Fn(&MediaRange, T) -> Option<Closeness>,
) -> Option<T> {
    let liked = had.iter().filter_map(|one| {
        let naming = ranges.iter().enumerate();
        let naming = naming.filter_map(|(place, range)| Some((closeness(range, *one)?, place, range.weight)));
        let (_, place, weight) = naming.max_by_key(|(closeness, place, _)| (*closeness, Reverse(*place)))?;
        (weight > 0).then_some((Reverse(weight), place, *one))
    });
    let best = liked.min_by_key(|(weight, place, _)| (*weight, *place));
    best.map(|(.., one)| one)
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
