//! Texts and patterns.

/// Whether a text is as a pattern says, as a whole: with `*` for any characters and `?` for one. Looks at each character of the text once for each `*` at most.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(character) if *character == '?' || *character == text[at] => {
                at += 1;
                of += 1;
            }
            _ => match &mut star {
                Some((behind, from)) => {
                    *from += 1;
                    (of, at) = (*behind + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|character| *character == '*')
}
