//! The words that are burnt into pictures.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use norma_domain::{LungSide, LungThird, PathologyType, Reason, Verdict};
use serde::{Deserialize, Serialize};

/// The language of the pictures. The structured report is in English; its codes have no language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "ru")]
    Russian,
}

/// The page's own words for reasons, by code.
static RUSSIAN_REASONS: LazyLock<BTreeMap<String, Words>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Document {
        reason: BTreeMap<String, Words>,
    }
    const TEXT: &str = include_str!("../../../web/src/i18n/ru-reasons.json");
    serde_json::from_str::<Document>(TEXT)
        .map(|document| document.reason)
        .unwrap_or_default()
});

#[derive(Deserialize)]
struct Words {
    title: String,
}

impl Language {
    /// RFC 5646.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    pub(crate) const fn choose(self, english: &'static str, russian: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Russian => russian,
        }
    }

    pub(crate) const fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Norm => self.choose("NORM", "НОРМА"),
            Verdict::Pathology => self.choose("PATHOLOGY", "ПАТОЛОГИЯ"),
            Verdict::Undetermined => self.choose("UNDETERMINED", "НЕ ОПРЕДЕЛЕНО"),
        }
    }

    pub(crate) const fn research_use(self) -> &'static str {
        self.choose(
            "For research use only. Not a medical device; a radiologist decides on every study.",
            "Только для исследований. Не медицинское изделие; решение по каждому исследованию принимает врач.",
        )
    }

    /// A reason in words: what it says of itself, or, in Russian, its title.
    pub(crate) fn reason(self, reason: &Reason) -> String {
        match self {
            Self::English => reason.message.clone(),
            Self::Russian => RUSSIAN_REASONS
                .get(reason.code.as_str())
                .map_or_else(|| reason.message.clone(), |words| words.title.clone()),
        }
    }

    pub(crate) const fn place(self, side: LungSide, third: LungThird) -> &'static str {
        match (side, third) {
            (LungSide::Right, LungThird::Lower) => self.choose("right lower third", "справа, нижняя треть"),
            (LungSide::Right, LungThird::Middle) => {
                self.choose("right middle third", "справа, средняя треть")
            }
            (LungSide::Right, LungThird::Upper) => self.choose("right upper third", "справа, верхняя треть"),
            (LungSide::Left, LungThird::Lower) => self.choose("left lower third", "слева, нижняя треть"),
            (LungSide::Left, LungThird::Middle) => self.choose("left middle third", "слева, средняя треть"),
            (LungSide::Left, LungThird::Upper) => self.choose("left upper third", "слева, верхняя треть"),
        }
    }

    #[rustfmt::skip]
    pub(crate) const fn pathology(self, pathology: PathologyType) -> &'static str {
        use PathologyType as P;
        match pathology {
            P::ArterialWallCalcification => self.choose("Arterial wall calcification", "Кальциноз стенок артерий"),
            P::Atelectasis => self.choose("Atelectasis", "Ателектаз"),
            P::Bronchiectasis => self.choose("Bronchiectasis", "Бронхоэктазы"),
            P::Cardiomegaly => self.choose("Cardiomegaly", "Кардиомегалия"),
            P::Consolidation => self.choose("Consolidation", "Консолидация"),
            P::CoronaryArteryWallCalcification => self.choose("Coronary artery wall calcification", "Кальциноз коронарных артерий"),
            P::Emphysema => self.choose("Emphysema", "Эмфизема"),
            P::HiatalHernia => self.choose("Hiatal hernia", "Грыжа пищеводного отверстия диафрагмы"),
            P::LungNodule => self.choose("Lung nodule", "Очаг в лёгком"),
            P::LungOpacity => self.choose("Lung opacity", "Затемнение в лёгком"),
            P::Lymphadenopathy => self.choose("Lymphadenopathy", "Лимфаденопатия"),
            P::MosaicAttenuationPattern => self.choose("Mosaic attenuation pattern", "Мозаичная плотность"),
            P::PeribronchialThickening => self.choose("Peribronchial thickening", "Утолщение стенок бронхов"),
            P::PericardialEffusion => self.choose("Pericardial effusion", "Перикардиальный выпот"),
            P::PleuralEffusion => self.choose("Pleural effusion", "Плевральный выпот"),
            P::PulmonaryFibroticSequela => self.choose("Pulmonary fibrotic sequela", "Фиброзные изменения лёгких"),
            P::Pneumothorax => self.choose("Pneumothorax", "Пневмоторакс"),
        }
    }

    pub(crate) const fn pointed_at(self) -> &'static str {
        self.choose(
            "Region that the models point at",
            "Область, на которую указывают модели",
        )
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::ReasonCode;

    use super::*;

    #[test]
    fn every_reason_has_russian_words() {
        for code in ReasonCode::ALL {
            let reason = Reason::new(*code, "english");
            assert_ne!(Language::Russian.reason(&reason), "english", "{}", code.as_str());
            assert_eq!(Language::English.reason(&reason), "english");
        }
    }
}
