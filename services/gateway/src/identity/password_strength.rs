//! Passwords that are guessed before all others. Nothing is looked up elsewhere.

/// Fewest characters, whatever the settings say.
const SHORTEST: usize = 12;
/// Longest password: the hash takes any length, a form does not.
pub(crate) const LONGEST: usize = 1024;
/// What the commonest passwords are made of (the heads of published lists of leaked ones), without digits and signs:
/// "Password1234!" is `password`.
const COMMON: &[&str] = &[
    "abc",
    "abcd",
    "abcdef",
    "access",
    "admin",
    "administrator",
    "adminadmin",
    "alexander",
    "anna",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "barcelona",
    "baseball",
    "batman",
    "beautiful",
    "butterfly",
    "changeme",
    "charlie",
    "chest",
    "chocolate",
    "clinic",
    "computer",
    "daniel",
    "default",
    "doctor",
    "dragon",
    "elizabeth",
    "football",
    "freedom",
    "gfhjkm",
    "guest",
    "hello",
    "helloworld",
    "hospital",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "lovely",
    "manchester",
    "marina",
    "master",
    "medical",
    "michael",
    "microsoft",
    "monkey",
    "mustang",
    "mynoob",
    "natasha",
    "nicole",
    "nikita",
    "norma",
    "parola",
    "parol",
    "pass",
    "passw",
    "passwd",
    "password",
    "passwordpassword",
    "princess",
    "privet",
    "qazwsx",
    "qazwsxedc",
    "qqww",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyqwerty",
    "qwertyui",
    "qwertyuiop",
    "radiology",
    "root",
    "samsung",
    "sasha",
    "secret",
    "security",
    "service",
    "shadow",
    "starwars",
    "sunshine",
    "superman",
    "superuser",
    "support",
    "system",
    "test",
    "testtest",
    "trustno",
    "user",
    "username",
    "welcome",
    "whatever",
    "yandex",
    "zaq",
    "zaqwsx",
    "zxcvbn",
    "zxcvbnm",
    "йцукен",
    "йцукенгшщзхъ",
    "пароль",
    "привет",
    "люблю",
    "наташа",
    "администратор",
    "врач",
    "больница",
];
/// Rows of keyboards, and of the alphabet and the digits.
const ROWS: &[&str] = &[
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Says what is wrong with a password; `shortest` is the site's setting.
pub(crate) fn weakness(password: &str, login: &str, shortest: usize) -> Option<String> {
    let shortest = shortest.max(SHORTEST);
    let length = password.chars().count();
    if length < shortest || length > LONGEST {
        return Some(format!("a password has {shortest} to {LONGEST} characters"));
    }
    let folded = password.to_lowercase();
    let login = login.to_lowercase();
    let is_login = !login.is_empty() && (folded.contains(&login) || folded.contains(&reversed(&login)));
    if is_login || repeats(&folded) || is_common(&folded) || is_of_rows(&folded) {
        return Some(
            "a password neither holds the login nor is one of the commonest, a row of keys or the same again and again"
                .to_owned(),
        );
    }
    None
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// Whether it is a few characters again and again.
fn repeats(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=characters.len() / 2)
        .filter(|period| *period <= 4)
        .any(|period| {
            characters
                .iter()
                .zip(characters.iter().skip(period))
                .all(|(one, next)| one == next)
        })
}

/// Whether a common word is all there is beside digits and signs, also where digits and signs stand for letters.
fn is_common(text: &str) -> bool {
    let letters = |text: &str| {
        text.chars()
            .filter(|letter| letter.is_alphabetic())
            .collect::<String>()
    };
    let bare = letters(text);
    // Digits and signs alone: a date or a number that is counted through in no time.
    if bare.is_empty() {
        return true;
    }
    let read = letters(&text.chars().map(plain_letter).collect::<String>());
    let trimmed = letters(
        &text
            .trim_end_matches(|end: char| !end.is_alphabetic())
            .chars()
            .map(plain_letter)
            .collect::<String>(),
    );
    [bare, read, trimmed].iter().any(|word| {
        COMMON.contains(&word.as_str())
            // Once more behind itself.
            || COMMON.iter().any(|common| *word == common.repeat(2) || *word == common.repeat(3))
    })
}

fn plain_letter(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether it is made of runs along rows, forwards or backwards, of four keys and more.
fn is_of_rows(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let rows: Vec<String> = ROWS
        .iter()
        .flat_map(|row| [row.repeat(2), reversed(&row.repeat(2))])
        .collect();
    let mut start = 0;
    while start < characters.len() {
        let longest = (1..=characters.len() - start)
            .take_while(|length| {
                let run: String = characters[start..start + length].iter().collect();
                rows.iter().any(|row| row.contains(&run))
            })
            .last()
            .unwrap_or(0);
        if longest < 4 && longest < characters.len() - start {
            return false;
        }
        start += longest.max(1);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        for weak in [
            "short",
            "elevenchars",
            "123456789012",
            "098765432109",
            "20261127123456",
            "Password1234",
            "P@ssw0rd2026!",
            "passwordpassword",
            "qwertyuiop12",
            "qwertyuiop[]",
            "1q2w3e4r5t6y",
            "1qaz2wsx3edc",
            "asdfghjklasdf",
            "abcabcabcabc",
            "aaaaaaaaaaaaaaaa",
            "Administrator1",
            "iloveyou2026!!",
            "anna.petrova-1",
            "пароль123456",
            "йцукенгшщзхъ",
            "Welcome12345!",
            "letmein123456",
        ] {
            assert!(weakness(weak, "anna.petrova", 12).is_some(), "{weak}");
        }
        assert!(weakness("twelve chars", "x", 20).is_some(), "the site wants more");
        assert!(
            weakness("tenletters", "ivan", 1).is_some(),
            "a site cannot want less"
        );
    }

    #[test]
    fn what_is_not_is_taken() {
        for strong in [
            "correct horse battery",
            "another long one",
            "gN7-rb2k!Wq0",
            "снег идёт с утра",
            "blue cup on shelf 7",
            "my passwords are long",
        ] {
            assert_eq!(weakness(strong, "anna", 12), None, "{strong}");
        }
    }
}
