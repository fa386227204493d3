//! Finding names: folded by the program, because SQLite and PostgreSQL with the C locale know no letter case
//! beyond ASCII.

/// Lower case, ё as е, single blanks.
pub(crate) fn fold_name(name: &str) -> String {
    let folded = name.to_lowercase().replace('ё', "е");
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One `LIKE` pattern (escaped by `\`) for each word of the search.
pub(crate) fn patterns(search: &str) -> Vec<String> {
    fold_name(search)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut pattern = String::from("%");
            for character in word.chars() {
                if matches!(character, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(character);
            }
            pattern.push('%');
            pattern
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_wildcards_are_letters() {
        assert_eq!(fold_name("  Пётр   СЕМЁНОВ "), "петр семенов");
        assert_eq!(patterns("Ann O_Hara 100%"), ["%ann%", "%o\\_hara%", "%100\\%%"]);
        assert!(patterns("  ").is_empty());
    }
}
