//! Texts with `*` for any characters and `?` for one, whatever the case.

use crate::wildcard::is_like;

/// Whether a text is as a pattern says, as a whole.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let fold = |text: &str| text.trim().to_lowercase();
    is_like(&fold(text), &fold(pattern))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_pattern_fits_a_text_as_a_whole() {
        for (pattern, text) in [
            ("CHEST", "chest "),
            ("*chest*", "CT Chest with contrast"),
            ("*", ""),
            ("", ""),
            ("ct?", "CT1"),
            ("*ГРУДН*", "КТ органов грудной клетки"),
            ("a*b*c", "axxbxxbxxc"),
            ("**a**", "a"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("CHEST", "CHESTABDOMEN"),
            ("ct?", "CT"),
            ("?", ""),
            ("a*b", "axbx"),
            ("", "x"),
            ("*chest", "chest 1"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        // Nothing that takes longer than lengths times lengths.
        assert!(!fits(&"a*".repeat(30), &format!("{}b", "a".repeat(29))));
        assert!(!fits(&format!("{}b", "a*".repeat(20)), &"a".repeat(64)));
    }
}
