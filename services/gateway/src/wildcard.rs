//! Texts and patterns.

use std::collections::HashMap;

/// Whether a text is as a pattern says, as a whole: with `*` for any characters and `?` for one. Takes a step for each character of
/// the text and each 64 of the pattern at most, whatever both are: they are others'.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let parts: Vec<Vec<char>> = pattern.split('*').map(|part| part.chars().collect()).collect();
    let (first, last) = match parts.as_slice() {
        [] => return text.is_empty(),
        [whole] => return fits(&text, whole),
        [first, .., last] => (first, last),
    };
    if text.len() < first.len() + last.len() {
        return false;
    }
    let (beginning, rest) = text.split_at(first.len());
    let (mut rest, end) = rest.split_at(rest.len() - last.len());
    if !fits(beginning, first) || !fits(end, last) {
        return false;
    }
    // Where each part is found first, most is left for the others.
    for part in &parts[1..parts.len() - 1] {
        match end_of_first(rest, part) {
            Some(end) => rest = &rest[end..],
            None => return false,
        }
    }
    true
}

fn fits(text: &[char], part: &[char]) -> bool {
    let pairs = text.iter().zip(part);
    text.len() == part.len() && pairs.fold(true, |fits, (of, by)| fits && (*by == '?' || of == by))
}

/// Where the first piece of the text ends that a part without `*` fits. The bits of `found` say which beginnings of the part end at
/// the character at hand (R. Baeza-Yates, G. Gonnet, "A New Approach to Text Searching", CACM 35(10), 1992).
fn end_of_first(text: &[char], part: &[char]) -> Option<usize> {
    const BITS: usize = u64::BITS as usize;
    let Some(last) = part.len().checked_sub(1) else {
        return Some(0);
    };
    let words = part.len().div_ceil(BITS);
    let mut any = vec![0_u64; words];
    for at in (0..part.len()).filter(|at| part[*at] == '?') {
        any[at / BITS] |= 1 << (at % BITS);
    }
    let mut places: HashMap<char, Vec<u64>> = HashMap::new();
    for (at, character) in part.iter().enumerate() {
        places.entry(*character).or_insert_with(|| any.clone())[at / BITS] |= 1 << (at % BITS);
    }
    let mut found = vec![0_u64; words];
    for (at, character) in text.iter().enumerate() {
        let places = places.get(character).unwrap_or(&any);
        let mut carried = 1;
        for (found, places) in found.iter_mut().zip(places) {
            let before = *found;
            *found = ((before << 1) | carried) & places;
            carried = before >> (BITS - 1);
        }
        if found[last / BITS] >> (last % BITS) & 1 == 1 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let long = "ab".repeat(100);
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "*", true),
            ("", "?", false),
            ("a", "", false),
            ("chest", "chest", true),
            ("chest", "ches", false),
            ("chest", "c*t", true),
            ("chest", "c*s", false),
            ("chest", "?hes?", true),
            ("chest", "*e*t*", true),
            ("chest", "**", true),
            ("aa", "a*a", true),
            ("a", "a*a", false),
            ("abcabd", "*ab?d", false),
            ("abcabd", "*a?d", true),
            ("aab", "*a?*b", true),
            ("грудь", "гр*?ь", true),
            (long.as_str(), format!("*{long}*").as_str(), true),
            (long.as_str(), format!("*{}*", "a?".repeat(99)).as_str(), true),
            (long.as_str(), format!("*{}a*", "ab".repeat(100)).as_str(), false),
            (long.as_str(), format!("a*{}*b", "b?".repeat(98)).as_str(), true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
        }
    }

    /// Both come from whoever asks. Backtracking would take years; on a busy machine without optimisation this takes ten seconds.
    #[test]
    fn no_text_and_pattern_take_long() {
        let text = "a".repeat(1_000_000);
        let started = Instant::now();
        for pattern in [
            format!("*{}b*", "a".repeat(998)),
            format!("*{}?b*", "a".repeat(997)),
            "*a".repeat(499),
        ] {
            is_like(&text, &pattern);
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{:?}",
            started.elapsed()
        );
    }
}
