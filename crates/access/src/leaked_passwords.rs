//! Passwords that were leaked somewhere: whoever guesses tries these first. A table of hashes in the program; nothing is asked of
//! anybody. `scripts/leaked-passwords` makes it.

use sha2::{Digest as _, Sha256};

/// The first 32 bits of SHA-256 of each listed text, ascending: of a hundred thousand, one text in 43,000 is taken for another.
static TABLE: &[u8] = include_bytes!("leaked_passwords.bin");
const ENTRY: usize = 4;
/// Shorter words are left out of the table: there is little that they are not a part of.
const SHORTEST_WORD: usize = 5;

/// Whether a password, whatever the case of its letters, is in a published list of leaked ones (the million commonest of ten million),
/// or is nothing but a word of these with digits and signs before and behind it, or such a word again and again.
pub fn is_leaked(password: &str) -> bool {
    let folded = password.to_lowercase();
    let word = folded.trim_matches(|end: char| !end.is_alphabetic());
    [folded.as_str(), word, unit(&folded), unit(word)]
        .into_iter()
        .any(|text| text.chars().count() >= SHORTEST_WORD && is_listed(text))
}

/// What a text repeats, or the text where it repeats nothing.
fn unit(text: &str) -> &str {
    let lengths = text.char_indices().map(|(at, _)| at).skip(1);
    lengths
        .filter(|length| text.len().is_multiple_of(*length))
        .find(|length| {
            text.as_bytes()
                .chunks(*length)
                .all(|part| part == &text.as_bytes()[..*length])
        })
        .map_or(text, |length| &text[..length])
}

fn is_listed(text: &str) -> bool {
    let hash = Sha256::digest(text.as_bytes());
    let (entries, _) = TABLE.as_chunks::<ENTRY>();
    entries
        .binary_search_by(|entry| entry.as_slice().cmp(&hash[..ENTRY]))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_holds_as_many_as_the_list() {
        let (entries, rest) = TABLE.as_chunks::<ENTRY>();
        assert!(rest.is_empty());
        assert!(entries.is_sorted());
        // ASVS 5, 6.2.4: at least 3000 that a site would take; here 43,940 of twelve characters and more, and words.
        assert!(entries.len() > 100_000, "{}", entries.len());
    }

    #[test]
    fn what_was_leaked_is_known_also_with_digits_and_again() {
        for leaked in [
            "1qaz2wsx3edc",
            "Mailcreated5240",
            "leavemealone",
            "LeaveMeAlone!2026",
            "2019snowboarding",
            "snowboardsnowboard",
            "ghjcnjgfhjkm",
        ] {
            assert!(is_leaked(leaked), "{leaked}");
        }
        for other in [
            "correct horse battery",
            "gN7-rb2k!Wq0",
            "снег идёт с утра",
            "blue cup on shelf 7",
            "",
            "1",
        ] {
            assert!(!is_leaked(other), "{other}");
        }
    }

    #[test]
    fn a_unit_is_found_at_borders_of_letters_alone() {
        assert_eq!(unit("abcabc"), "abc");
        assert_eq!(unit("яяяя"), "я");
        assert_eq!(unit("abcab"), "abcab");
        assert_eq!(unit(""), "");
    }

    /// Words that nobody leaked are not refused by chance more often than the table's hashes collide.
    #[test]
    fn little_is_taken_for_leaked_by_chance() {
        let refused = (0..20_000)
            .filter(|number| is_listed(&format!("no such word {number} was ever leaked")))
            .count();
        assert!(refused < 10, "{refused}");
    }
}
