//! Whether a series shows another part of the body than the chest, by what its header calls it.
//!
//! Body Part Examined (0018,0015) is a code of PS3.16 annex L, or whatever the site's language has for it. Where it is
//! missing, Series Description (0008,103E) and Protocol Name (0018,1030) may say it.

use crate::character_set::CharacterSet;
use crate::element_values::Values;

/// A code that holds one of these shows the chest, whatever it shows beside it: CHESTABDPELVIS, NECKCHEST.
const CHEST: [&str; 19] = [
    "CHEST",
    "THORAX",
    "LUNG",
    "TORSO",
    "TORAX",
    "TORACE",
    "TORAKS",
    "PULMO",
    "POLMON",
    "POUMON",
    "PECHO",
    "BRUSTK",
    "KLATK",
    "ГРУДН",
    "ЛЕГК",
    "ЛЁГК",
    "ОГК",
    "ТОРАКС",
    "胸",
];
/// Codes of PS3.16 annex L, and what scanners write besides. Parts of words, so that WHOLEHEAD and HEADNECK are known.
const OTHERS: [&str; 50] = [
    "HEAD",
    "BRAIN",
    "SKULL",
    "SINUS",
    "ORBIT",
    "FACE",
    "JAW",
    "MAXILLA",
    "MANDIBLE",
    "IAC",
    "EAR",
    "NECK",
    "CAROTID",
    "SPINE",
    "SSPINE",
    "CERVICAL",
    "LUMBAR",
    "SACR",
    "COCCYX",
    "ABDOMEN",
    "ABD",
    "LIVER",
    "PANCREAS",
    "KIDNEY",
    "ADRENAL",
    "URETER",
    "BLADDER",
    "PROSTATE",
    "UTERUS",
    "COLON",
    "BOWEL",
    "RECTUM",
    "PELVI",
    "HIP",
    "FEMUR",
    "THIGH",
    "KNEE",
    "LEG",
    "CALF",
    "ANKLE",
    "FOOT",
    "TOE",
    "HAND",
    "FINGER",
    "WRIST",
    "ELBOW",
    "ARM",
    "SHOULDER",
    "HEART",
    "EXTREMITY",
];
/// The commonest of them in other languages.
const OTHERS_ELSEWHERE: [&str; 32] = [
    "KOPF",
    "SCHAEDEL",
    "HALS",
    "BAUCH",
    "BECKEN",
    "WIRBEL",
    "CRAN",
    "CABEZA",
    "CUELLO",
    "TESTA",
    "COLLO",
    "ADDOM",
    "COLUMNA",
    "COLONNA",
    "RACHIS",
    "BASSIN",
    "GLOWA",
    "BRZUCH",
    "ГОЛОВ",
    "МОЗГ",
    "ЧЕРЕП",
    "ШЕЯ",
    "ШЕИ",
    "ШЕЙН",
    "БРЮШН",
    "ЖИВОТ",
    "ОБП",
    "ТАЗ",
    "ПЕЧЕН",
    "ПОЧК",
    "ПОЧЕК",
    "СУСТАВ",
];
/// Of the thoracic spine, which is no chest though its name holds it.
const SPINE: [&str; 3] = ["ПОЗВОН", "WIRBELS", "COLUMNA"];
/// A shorter part of a word is a word of its own in free text: EAR is no part of LINEAR.
const LEAST_BEGINNING: usize = 5;

/// What a series is called, in capitals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BodyPart {
    code: String,
    /// Words of free text, where there is no code.
    words: Vec<String>,
}

impl BodyPart {
    pub(crate) fn read(values: &Values<'_>) -> Self {
        let set = CharacterSet::of(&values.texts(0x0008_0005));
        let text = |tag| {
            values
                .bytes(tag)
                .map(|bytes| set.decode(bytes))
                .unwrap_or_default()
        };
        Self::of(&text(0x0018_0015), &[text(0x0008_103E), text(0x0018_1030)])
    }

    pub(crate) fn of(code: &str, descriptions: &[String]) -> Self {
        let code = code.trim_matches(['\0', ' ']).to_uppercase();
        let words = if code.is_empty() {
            descriptions.iter().flat_map(|text| words_of(text)).collect()
        } else {
            Vec::new()
        };
        Self { code, words }
    }

    /// Whether it names something else than the chest.
    pub(crate) fn is_other(&self) -> bool {
        if !self.code.is_empty() {
            return is_other(&|part| self.code.contains(part));
        }
        is_other(&|part| {
            let is_long = part.chars().count() >= LEAST_BEGINNING;
            self.words
                .iter()
                .any(|word| word == part || (is_long && word.starts_with(part)))
        })
    }
}

fn is_other(holds: &dyn Fn(&str) -> bool) -> bool {
    let any = |parts: &[&str]| parts.iter().any(|part| holds(part));
    any(&SPINE) || (!any(&CHEST) && (any(&OTHERS) || any(&OTHERS_ELSEWHERE)))
}

/// Words in capitals: `AbdomenRoutine 5.0` is ABDOMEN and ROUTINE.
fn words_of(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in text.chars() {
        if !character.is_alphabetic() || (was_small && character.is_uppercase()) {
            words.push(String::new());
        }
        if character.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_uppercase());
        }
        was_small = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_holds_the_chest_is_the_chest() {
        let is_other = |code: &str| BodyPart::of(code, &[]).is_other();
        for code in [
            "CHEST",
            "CHESTABDPELVIS",
            "CHESTABDOMEN",
            "CHEST_TO_PELVIS",
            "NECKCHEST",
            "NECKCHESTABDPELV",
            "THORAX",
            "THORAX_ABDOMEN",
            "Thorax/Abdomen",
            "TORAX",
            "TORAX/ABDOME",
            "ГРУДНАЯ КЛЕТКА",
            "Органы грудной клетки и брюшной полости",
            "ОГК+ОБП",
            "Лёгкие",
            "",
        ] {
            assert!(!is_other(code), "{code}");
        }
        for code in [
            "ABDOMEN",
            "ABDOMENPELVIS",
            "HEART",
            "TSPINE",
            "CTSPINE",
            "TLSPINE",
            "LSPINE",
            "SPINE",
            "HEAD",
            "HEADNECK",
            "NECK",
            "LIVER",
            "PELVIS",
            "SHOULDER",
            "WRIST",
            "COLON",
            "head ",
            "KOPF",
            "CABEZA",
            "ADDOME",
            "БРЮШНАЯ ПОЛОСТЬ",
            "Голова",
            "ОБП",
            "Малый таз",
            "Грудной отдел позвоночника",
        ] {
            assert!(is_other(code), "{code}");
        }
    }

    #[test]
    fn without_a_code_the_description_says_it() {
        let is_other = |text: &str| BodyPart::of("", &[text.to_owned(), String::new()]).is_other();
        for text in [
            "Abdomen 2.5",
            "AbdomenRoutine",
            "HEAD 5.0 H31s",
            "Брюшная полость 1.0",
            "Knee left",
        ] {
            assert!(is_other(text), "{text}");
        }
        for text in [
            "Chest 1.0",
            "ThoraxRoutine Abdomen",
            "Грудная клетка",
            "5.0 B30f",
            "Cardiac linear, surface, Allegro, charm",
            "",
        ] {
            assert!(!is_other(text), "{text}");
        }
        let coded = BodyPart::of("CHEST", &["Head".to_owned()]);
        assert!(!coded.is_other(), "the code goes before");
    }
}
