//! Whether two ways of writing a name may be the same person's: letter case, the order of words, accents, initials, and
//! Cyrillic beside Latin letters are no difference.

use crate::name_letters::{NameScript, plain_letters};

/// Whether the names may be the same person's. Either is in any form: `Petrova^Anna^Ivanovna`, `Anna Petrova`,
/// `Петрова А. И.`; of several forms (PS3.5 6.2: `=` between them) those are compared that are in letters which both have,
/// and all that both have must agree.
///
/// Every word of the shorter name must be a word of the longer one, an initial its beginning, and one of them more than
/// an initial.
pub fn names_agree(one: &str, other: &str) -> bool {
    let (ones, others) = (forms_of(one), forms_of(other));
    let mut have_common = false;
    for (script, _) in &ones {
        let comparable = |forms: &[(NameScript, Vec<String>)]| -> Vec<Vec<String>> {
            let forms = forms.iter().filter(|(other, _)| script.is_comparable_to(*other));
            forms.map(|(_, words)| words.clone()).collect()
        };
        let (ours, theirs) = (comparable(&ones), comparable(&others));
        if theirs.is_empty() {
            continue;
        }
        have_common = true;
        let agree = |one: &Vec<String>| theirs.iter().any(|other| words_agree(one, other));
        if !ours.iter().any(agree) {
            return false;
        }
    }
    have_common
}

/// The forms of a name that are given, each as its words.
fn forms_of(name: &str) -> Vec<(NameScript, Vec<String>)> {
    name.split('=')
        .map(|form| (NameScript::of(&plain_letters(form)), words(form)))
        .filter(|(_, words)| !words.is_empty())
        .collect()
}

/// Whether a name or identifier stands for "not told".
pub(crate) fn is_placeholder(text: &str) -> bool {
    let letters: String = text
        .to_lowercase()
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect();
    letters
        .chars()
        .all(|character| character == '0' || character == 'x')
        || ["anon", "deidentif", "unknown", "pseudonym", "аноним", "неизвест"]
            .iter()
            .any(|beginning| letters.starts_with(beginning))
        || ["none", "null", "na", "nn", "noname", "removed", "notknown"].contains(&letters.as_str())
}

fn words_agree(one: &[String], other: &[String]) -> bool {
    // The parts of a name are set apart by carets, by blanks, or in East Asian letters by nothing.
    if one.concat() == other.concat() {
        return one.concat().chars().count() > 1;
    }
    let (shorter, longer) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let mut left: Vec<&String> = longer.iter().collect();
    let mut whole_words = 0;
    // Whole words first, so that an initial takes none of them away.
    let (whole, initials): (Vec<&String>, Vec<&String>) =
        shorter.iter().partition(|word| word.chars().count() > 1);
    for word in whole {
        let equal = left.iter().position(|other| *other == word);
        let found = equal.or_else(|| left.iter().position(|other| is_initial_of(other, word)));
        let Some(index) = found else { return false };
        whole_words += usize::from(equal.is_some());
        left.swap_remove(index);
    }
    for initial in initials {
        let found = left
            .iter()
            .position(|other| *other == initial || is_initial_of(initial, other));
        let Some(index) = found else { return false };
        left.swap_remove(index);
    }
    whole_words > 0
}

fn is_initial_of(initial: &str, word: &str) -> bool {
    initial.chars().count() == 1 && word.starts_with(initial)
}

/// The words of a name, each written as it sounds in plain Latin letters.
fn words(name: &str) -> Vec<String> {
    plain_letters(name)
        .split(|character: char| !character.is_alphabetic() && character != '\'' && character != '’')
        .map(plain)
        .filter(|word| !word.is_empty())
        .collect()
}

/// Lower case, Latin, without accents; the ways of writing one Russian sound are one.
fn plain(word: &str) -> String {
    let mut latin = String::with_capacity(word.len());
    for character in word.chars() {
        match latin_of(character) {
            Some(letters) => latin.push_str(letters),
            None if character.is_alphabetic() => latin.push(character),
            None => {}
        }
    }
    for (written, meant) in [
        ("shch", "sh"),
        ("sch", "sh"),
        ("kh", "h"),
        ("tch", "ch"),
        ("tz", "c"),
        ("ts", "c"),
        ("zh", "j"),
        ("ph", "f"),
        ("w", "v"),
        ("x", "ks"),
        ("ae", "a"),
        ("oe", "o"),
        ("ue", "u"),
        ("j", "i"),
        ("y", "i"),
        ("ii", "i"),
        ("ie", "e"),
        ("io", "e"),
    ] {
        latin = latin.replace(written, meant);
    }
    let mut plain = String::with_capacity(latin.len());
    for letter in latin.chars() {
        if !plain.ends_with(letter) {
            plain.push(letter);
        }
    }
    plain
}

fn latin_of(character: char) -> Option<&'static str> {
    Some(match character {
        'а' | 'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ą' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' => "g",
        'д' => "d",
        'е' | 'ё' | 'э' | 'є' | 'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'ж' => "zh",
        'з' | 'ź' | 'ż' | 'ž' => "z",
        'и' | 'і' | 'ї' | 'й' | 'ы' | 'í' | 'ì' | 'î' | 'ï' | 'ý' => "i",
        'к' => "k",
        'л' | 'ł' => "l",
        'м' => "m",
        'н' | 'ñ' | 'ń' | 'ň' => "n",
        'о' | 'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => "o",
        'п' => "p",
        'р' | 'ř' => "r",
        'с' | 'ś' => "s",
        'т' | 'ť' => "t",
        'у' | 'ў' | 'ú' | 'ù' | 'û' | 'ü' | 'ů' => "u",
        'ф' => "f",
        'х' => "h",
        'ц' => "c",
        'ч' => "ch",
        'ш' | 'š' => "sh",
        'щ' => "shch",
        'ю' => "iu",
        'я' => "ia",
        'ç' | 'ć' | 'č' => "c",
        'ß' => "ss",
        'ъ' | 'ь' | '\'' | '’' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_person_in_many_forms() {
        for (one, other) in [
            ("Anna Petrova", "PETROVA^ANNA"),
            ("Anna Petrova", "Petrova^Anna^Ivanovna"),
            ("Anna Petrova", "PETROVA^A"),
            ("Anna Petrova", "PETROVA A.I."),
            ("Anna Petrova", "PETROVA"),
            ("Анна Петрова", "PETROVA^ANNA"),
            ("Пётр Семёнов", "Semenov^Petr"),
            ("Сергей Щукин", "SHCHUKIN^SERGEY"),
            ("Юлия Яковлева", "YAKOVLEVA^YULIYA"),
            ("Михаил Хрущёв", "Khrushchev^Mikhail"),
            ("Jörg Müller", "MUELLER^JOERG"),
            ("太郎 山田", "Yamada^Tarou=山田^太郎"),
            ("Anna-Maria Weiß", "WEISS^ANNA MARIA"),
            ("山田太郎", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
            ("Yamada^Tarou==ﾔﾏﾀﾞ^ﾀﾛｳ", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
            ("山田^太郎=Yamada^Tarou", "Yamada^Tarou=山田^太郎"),
            ("Hong^Gildong=洪^吉洞=홍^길동", "Hong^Gildong=홍^길동"),
            ("Маи\u{306}я Иванова", "Иванова^Майя"),
        ] {
            assert!(names_agree(one, other), "{one} / {other}");
            assert!(names_agree(other, one), "{other} / {one}");
        }
    }

    #[test]
    fn other_people() {
        for (one, other) in [
            ("Anna Petrova", "IVANOVA^ANNA"),
            ("Anna Petrova", "PETROVA^MARIA"),
            ("Anna Petrova", "PETROV^IVAN"),
            ("Anna Petrova", "PETROVA^M"),
            ("Anna Petrova", "A P"),
            ("Anna Petrova", "PHANTOM^NORMA"),
            ("Анна Петрова", "Иванова^Анна"),
            ("Anna Petrova", "Анна^Сидорова"),
            ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=佐藤^花子"),
            (
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
                "Yamada^Tarou=山田^太郎=さとう^はなこ",
            ),
            ("Yamada^Tarou=山田^太郎", "Satou^Hanako=山田^太郎"),
        ] {
            assert!(!names_agree(one, other), "{one} / {other}");
            assert!(!names_agree(other, one), "{other} / {one}");
        }
    }

    #[test]
    fn placeholders() {
        for text in [
            "",
            "Anonymous",
            "ANON^^",
            "000000",
            "XXX",
            "Unknown^Unknown",
            "No Name",
            "N/A",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["Anna Petrova", "4711", "Nikolai^Ivan", "Xu^Xi"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
