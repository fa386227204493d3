//! How sharp a reconstruction is, told from the name of its kernel.

/// Sharpness of a kernel from 0 (smooth) to 100 (edges enhanced); 50 where the name says nothing.
///
/// Siemens names kernels by a number that grows with sharpness (B30f, Br40d, I70f), Canon by a number whose
/// tens group bodies and lungs (FC08, FC51), GE and Philips by words and letters.
pub(crate) fn sharpness(kernel: &str) -> f64 {
    let name = kernel.to_ascii_uppercase();
    let words: [(&str, f64); 13] = [
        ("SOFT", 25.0),
        ("SMOOTH", 20.0),
        ("STANDARD", 35.0),
        ("STND", 35.0),
        ("CHEST", 45.0),
        ("DETAIL", 55.0),
        ("LUNG", 75.0),
        ("BONEPLUS", 85.0),
        ("BONE", 80.0),
        ("EDGE", 90.0),
        ("ULTRA", 90.0),
        ("SHARP", 80.0),
        ("MEDIASTIN", 30.0),
    ];
    if let Some((_, value)) = words.iter().find(|(word, _)| name.contains(word)) {
        return *value;
    }
    let number: String = name
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .take(3)
        .collect();
    match (name.as_str(), number.parse::<f64>()) {
        (name, Ok(number)) if name.starts_with("FC") => match number as u32 {
            0..20 => 30.0 + number,
            20..30 => 50.0,
            30..40 => 80.0,
            _ => 75.0,
        },
        (_, Ok(number)) => number.min(100.0),
        ("A" | "AA" | "B" | "BF", _) => 30.0,
        ("C" | "CB", _) => 45.0,
        ("D" | "L" | "LA", _) => 75.0,
        ("E" | "F" | "YA" | "YB" | "YC" | "YD", _) => 80.0,
        _ => 50.0,
    }
}

#[cfg(test)]
mod tests {
    use super::sharpness;

    #[test]
    fn soft_is_below_sharp_at_every_maker() {
        for (soft, sharp) in [
            ("B30f", "B70f"),
            ("Br40d\\3", "Bl57d\\3"),
            ("I30f", "I70f"),
            ("STANDARD", "LUNG"),
            ("SOFT", "BONEPLUS"),
            ("FC08", "FC51"),
            ("B", "YA"),
        ] {
            assert!(sharpness(soft) < sharpness(sharp), "{soft} {sharp}");
        }
        assert_eq!(sharpness(""), 50.0);
    }
}
