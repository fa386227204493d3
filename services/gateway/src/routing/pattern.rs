//! Texts with `*` for any characters and `?` for one, whatever the case.

/// Whether a text is as a pattern says, as a whole.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let fold = |text: &str| text.trim().to_lowercase().chars().collect::<Vec<char>>();
    let (pattern, text) = (fold(pattern), fold(text));
    let (mut at, mut of) = (0, 0);
    // Where the last star stands, and up to where it reaches.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(sign) if *sign == '?' || *sign == text[at] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((before, reach)) = star else {
                    return false;
                };
                star = Some((before, reach + 1));
                at = reach + 1;
                of = before + 1;
            }
        }
    }
    pattern[of..].iter().all(|sign| *sign == '*')
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
