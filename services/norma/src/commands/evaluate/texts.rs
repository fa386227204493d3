//! What the page says, in English and Russian.

use norma_accuracy::RocIntervalMethod;

use norma_domain::SliceThicknessClass;
use norma_site::{Grouping, LabelSource, LeftOut};

/// One text in both languages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub(super) en: &'static str,
    pub(super) ru: &'static str,
}

const fn text(en: &'static str, ru: &'static str) -> Text {
    Text { en, ru }
}

pub(super) const TITLE: Text = text(
    "How accurate the answers are here",
    "Насколько точны ответы здесь",
);
pub(super) const RESEARCH: Text = text(
    "For research use only. Norma is not a medical device; a radiologist decides on every study.",
    "Только для исследований. Norma не является медицинским изделием; решение по каждому исследованию принимает рентгенолог.",
);
pub(super) const BUNDLE: Text = text("Models", "Модели");
pub(super) const MADE: Text = text("Made", "Составлено");
pub(super) const FLOW: Text = text("Studies", "Исследования");
pub(super) const PATHOLOGIES: Text = text("Pathology", "Патология");
pub(super) const NORMS: Text = text("Norm", "Норма");
pub(super) const WITH_VERDICT: Text = text("with a verdict", "с заключением");
pub(super) const UNDETERMINED: Text = text("undetermined", "не определено");
pub(super) const LEFT_OUT: Text = text("Left out", "Не учтено");
pub(super) const DECIDED_BY_MEASURES: Text = text(
    "Pathology by what was measured, whatever the models say: above every threshold, in the curve and at each operating point",
    "Патология по измерениям, что бы ни говорили модели: выше любого порога, на кривой и в каждой рабочей точке",
);
pub(super) const WITHHELD: Text = text(
    "Norm that was withheld because its threshold is not verified: counted by its probability",
    "Норма, не выданная из-за непроверенного порога: учтена по своей вероятности",
);
pub(super) const LABELS: Text = text("Labels", "Разметка");
pub(super) const ROC: Text = text("ROC curve", "ROC-кривая");
pub(super) const AREA: Text = text("Area under the curve", "Площадь под кривой");
pub(super) const NO_AREA: Text = text(
    "No area: both labels are needed.",
    "Площадь не определена: нужны исследования обоих классов.",
);
pub(super) const FALSE_POSITIVE_RATE: Text = text("1 − specificity", "1 − специфичность");
pub(super) const SENSITIVITY: Text = text("Sensitivity", "Чувствительность");
pub(super) const SPECIFICITY: Text = text("Specificity", "Специфичность");
pub(super) const POINTS: Text = text("Operating points", "Рабочие точки");
pub(super) const POINT: Text = text("Operating point", "Рабочая точка");
pub(super) const DEFAULT: Text = text("default", "по умолчанию");
pub(super) const THRESHOLD: Text = text("Threshold", "Порог");
pub(super) const OWN_THRESHOLDS: Text = text("scanners with their own", "томографов со своим");
pub(super) const MISSED: Text = text("Missed", "Пропущено");
pub(super) const FALSE_ALARMS: Text = text("False alarms", "Ложные тревоги");
pub(super) const FOUND_OF_ALL: Text = text(
    "Found, undetermined counted as not",
    "Найдено, если неопределённые считать ненайденными",
);
pub(super) const RELEASED_OF_ALL: Text = text(
    "Released, undetermined counted as not",
    "Отпущено, если неопределённые считать неотпущенными",
);
pub(super) const PREDICTIVE: Text = text(
    "What an answer is worth by the share of pathology",
    "Чего стоит ответ в зависимости от доли патологии",
);
pub(super) const PREVALENCE: Text = text("Share of pathology", "Доля патологии");
pub(super) const NEGATIVE_VALUE: Text = text("Called norm: is norm", "Названо нормой: действительно норма");
pub(super) const POSITIVE_VALUE: Text = text(
    "Called pathology: is pathology",
    "Названо патологией: действительно патология",
);
pub(super) const CALIBRATION: Text = text("Calibration", "Калибровка");
pub(super) const NO_CALIBRATION: Text = text(
    "Not measured: both labels are needed.",
    "Не измерена: нужны исследования обоих классов.",
);
pub(super) const LINE: Text = text("line", "строка");
pub(super) const BRIER: Text = text(
    "Brier score (0 is perfect; in brackets: what the share of pathology alone would have)",
    "Оценка Брайера (0 — идеал; в скобках — при знании одной лишь доли патологии)",
);
pub(super) const IN_THE_LARGE: Text = text(
    "Mean probability, and the share of pathology",
    "Средняя вероятность и доля патологии",
);
pub(super) const PROBABILITY: Text = text("Probability of pathology", "Вероятность патологии");
pub(super) const OBSERVED: Text = text("Share that is pathology", "Доля действительной патологии");
pub(super) const GROUPS: Text = text(
    "By group, at the default operating point",
    "По группам, в рабочей точке по умолчанию",
);
pub(super) const GROUP: Text = text("Group", "Группа");
pub(super) const NO_GROUPS: Text = text(
    "Nothing is known of scanner, sex, age or pathology: add these columns to the table.",
    "Ни томограф, ни пол, ни возраст, ни вид патологии не известны: добавьте эти столбцы в таблицу.",
);
pub(super) const MISSES: Text = text(
    "Missed at the default operating point",
    "Пропущено в рабочей точке по умолчанию",
);
pub(super) const NO_MISSES: Text = text("None.", "Нет.");
pub(super) const STUDY: Text = text("Study", "Исследование");
pub(super) const READING: Text = text("How to read this", "Как это читать");
pub(super) const NOTES: [Text; 6] = [
    text(
        "Intervals cover the truth with 95 %: those of shares are exact (Clopper–Pearson). They hold for studies like these; of a \
         patient one study per label counts, the hardest.",
        "Интервалы накрывают истину с вероятностью 95 %; для долей они точные (Клоппер–Пирсон). Они справедливы для исследований, \
         подобных этим; от каждого пациента учтено одно исследование каждого класса — самое трудное.",
    ),
    text(
        "The thresholds were not chosen on these studies unless an operating point was made here; then its figures are too good \
         on them.",
        "Пороги не выбирались по этим исследованиям, если рабочая точка не получена здесь; в последнем случае её показатели на них \
         завышены.",
    ),
    text(
        "Groups of few studies have wide intervals, and among many groups some differ by chance: a difference between groups is a question, no \
         answer.",
        "У малых групп интервалы широки, а среди многих групп некоторые отличаются случайно: различие групп — повод проверить, а не вывод.",
    ),
    text(
        "Predictive values are for the share of pathology that is named, not for that of this set (Bayes' rule).",
        "Прогностические значения приведены для указанной доли патологии, а не для доли в этом наборе (формула Байеса).",
    ),
    text(
        "Answers items 14, 15, 19, 23 and 24 of STARD 2015 (BMJ 2015;351:h5527), on which STARD-AI builds, the figures by group \
         that TRIPOD+AI asks for (BMJ 2024;385:e078378, item 23a) and the failure analysis of CLAIM (Radiol Artif Intell \
         2024;6:e240300).",
        "Отвечает на пункты 14, 15, 19, 23 и 24 STARD 2015 (BMJ 2015;351:h5527), на которых основан STARD-AI, содержит показатели \
         по группам, которых требует TRIPOD+AI (BMJ 2024;385:e078378, пункт 23a), и разбор ошибок по CLAIM (Radiol Artif Intell \
         2024;6:e240300).",
    ),
    text(
        "What only the site can add: how studies were selected and when, what the reference standard is and whether its readers \
         knew the answer, the intended use.",
        "Дополнить может только учреждение: как и когда отобраны исследования, каков референсный стандарт и знали ли его авторы \
         ответ программы, каково предполагаемое применение.",
    ),
];

pub(super) const fn label_source(source: LabelSource) -> Text {
    match source {
        LabelSource::Table => text("from a table", "из таблицы"),
        LabelSource::Feedback => text(
            "what readers said of answers, which they saw: studies that nobody judged are not in it",
            "отзывы врачей об ответах, которые они видели; исследований без отзыва здесь нет",
        ),
    }
}

pub(super) const fn left_out(why: LeftOut) -> Text {
    match why {
        LeftOut::NoAnswer => text("without a completed analysis", "без завершённого анализа"),
        LeftOut::OtherBundle => text("answered with other models", "ответ получен с другими моделями"),
        LeftOut::Unreadable => text(
            "the report is of another version of Norma, which this one cannot read",
            "заключение составлено другой версией Norma, и эта его не читает",
        ),
        LeftOut::ReadersDisagree => text("readers disagree", "врачи расходятся"),
        LeftOut::NoLabel => text("without a label", "без разметки"),
        LeftOut::SamePatient => text(
            "of a patient of whom a harder study counts",
            "от пациента, у которого учтено более трудное исследование",
        ),
    }
}

/// The words of a scanner's profile in Russian; None where the text ends otherwise, as a table's own may.
pub(super) fn scanner_in_russian(profile: &str) -> Option<String> {
    let (rest, contrast) = match profile.strip_suffix(", no contrast") {
        Some(rest) => (rest, "без контраста"),
        None => (profile.strip_suffix(", contrast")?, "с контрастом"),
    };
    let (rest, thickness) = rest.rsplit_once(", ")?;
    let classes = SliceThicknessClass::ALL.iter();
    let class = classes.copied().find(|class| class.as_str() == thickness)?;
    let thickness = match class {
        SliceThicknessClass::Thin => "до 1,5 мм",
        SliceThicknessClass::Medium => "от 1,5 до 3 мм",
        SliceThicknessClass::Thick => "более 3 мм",
    };
    Some(format!("{rest}, {thickness}, {contrast}"))
}

pub(super) const fn grouping(by: Grouping) -> Text {
    match by {
        Grouping::Scanner => text("Scanner", "Томограф"),
        Grouping::Sex => text("Sex", "Пол"),
        Grouping::AgeBand => text("Age", "Возраст"),
        Grouping::Pathology => text("Finding", "Находка"),
    }
}

pub(super) const fn roc_method(method: RocIntervalMethod) -> Text {
    match method {
        RocIntervalMethod::DelongLogit => text(
            "DeLong's variance, on the logit scale",
            "дисперсия по Делонгу, логит-шкала",
        ),
        RocIntervalMethod::Newcombe5 => text("Newcombe, method 5", "Ньюком, метод 5"),
    }
}
