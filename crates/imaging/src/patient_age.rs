//! The patient's age in whole years: the only thing of the person that a report holds.

/// No living person is older; a larger number is a mistake or a placeholder.
const OLDEST_YEARS: u16 = 130;

/// The age in whole years from Patient's Age (0010,1010), an AS such as `041Y` or `007M` (PS3.5 table 6.2-1).
/// Otherwise, from the dates of birth (0010,0030) and study (0008,0020), which are not kept.
/// None where neither says it plausibly.
pub fn age_years(age: Option<&str>, birth_date: Option<&str>, study_date: Option<&str>) -> Option<u16> {
    let is_plausible = |years: &u16| *years <= OLDEST_YEARS;
    let stated = age.and_then(stated_years).filter(is_plausible);
    let dates = birth_date
        .and_then(parse_date)
        .zip(study_date.and_then(parse_date));
    let by_dates = dates
        .and_then(|(birth, study)| years_between(birth, study))
        .filter(is_plausible);
    // Dates that were made equal when names were removed are no dates of a newborn of 55 years.
    let are_told_apart = dates.is_some_and(|(birth, study)| birth != study);
    match (stated, by_dates) {
        (Some(stated), Some(by_dates)) if are_told_apart => Some(stated.min(by_dates)),
        (stated, by_dates) => stated.or(by_dates),
    }
}

/// Writers leave out the leading zeros that the standard asks for, write out the unit, or put it first.
fn stated_years(age: &str) -> Option<u16> {
    let age = age.trim();
    let is_digit = |character: char| character.is_ascii_digit();
    let (number, unit) = if age.starts_with(is_digit) {
        let end = age.find(|character| !is_digit(character))?;
        let (number, rest) = age.split_at(end);
        // What is behind a decimal point makes no year.
        let rest = rest
            .strip_prefix(['.', ','])
            .map_or(rest, |rest| rest.trim_start_matches(is_digit));
        (number, rest)
    } else {
        let start = age.find(is_digit)?;
        let (unit, number) = age.split_at(start);
        (number, unit)
    };
    let count: u16 = number.parse().ok()?;
    match unit.trim().to_ascii_uppercase().as_str() {
        "Y" | "YR" | "YRS" | "YEAR" | "YEARS" => (count > 0).then_some(count),
        "M" | "MO" | "MON" | "MONTH" | "MONTHS" => Some(count / 12),
        "W" | "WK" | "WEEK" | "WEEKS" => Some(count / 52),
        "D" | "DAY" | "DAYS" => Some(count / 365),
        _ => None,
    }
}

/// The date as `YYYYMMDD` (DA, PS3.5 table 6.2-1), also from `YYYY.MM.DD` of ACR-NEMA and from `YYYY-MM-DD`, `YYYY/MM/DD`,
/// `DD.MM.YYYY` and a date with a time (DT), which some writers put there. None for anything else.
pub fn plain_date(date: &str) -> Option<String> {
    let parts: Vec<&str> = date.trim().split(['.', '-', '/']).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    // With slashes nobody knows which is the day and which the month.
    let may_begin_with_day = !date.contains('/');
    let plain = match (&parts[..], &lengths[..]) {
        ([whole], [8]) => (*whole).to_owned(),
        ([whole, ..], [14, ..]) if whole.bytes().all(|byte| byte.is_ascii_digit()) => whole[..8].to_owned(),
        ([year, month, day], [4, 2, 2]) => format!("{year}{month}{day}"),
        ([day, month, year], [2, 2, 4]) if may_begin_with_day => format!("{year}{month}{day}"),
        _ => return None,
    };
    plain.bytes().all(|byte| byte.is_ascii_digit()).then_some(plain)
}

/// Year, and month with day as one number that grows through the year.
fn parse_date(date: &str) -> Option<(u16, u16)> {
    let date = plain_date(date)?;
    let (year, day) = date.split_at(4);
    let (year, day) = (year.parse().ok()?, day.parse().ok()?);
    (year > 0 && (101..=1231).contains(&day)).then_some((year, day))
}

/// Years of the Buddhist calendar, which Thailand writes, over the common ones.
const BUDDHIST_YEARS: u16 = 543;
/// From here on a year is one of it.
const FIRST_BUDDHIST: u16 = 2400;
/// The years of the solar and the lunar Hijri calendar in which people live.
const HIJRI: std::ops::RangeInclusive<u16> = 1281..=1500;
/// This year and those before it are what systems write for an unknown date of birth.
const LAST_PLACEHOLDER: u16 = 1900;

fn years_between(birth: (u16, u16), study: (u16, u16)) -> Option<u16> {
    // Between two dates of one calendar the years are the same in each, but for three hundredths of lunar ones.
    let are_hijri = HIJRI.contains(&birth.0) && HIJRI.contains(&study.0);
    let common = |(year, day): (u16, u16)| match year {
        FIRST_BUDDHIST.. => (year - BUDDHIST_YEARS, day),
        _ => (year, day),
    };
    let (birth, study) = (common(birth), common(study));
    if !are_hijri && (birth.0 <= LAST_PLACEHOLDER || study.0 <= LAST_PLACEHOLDER) {
        return None;
    }
    let had_birthday = study.1 >= birth.1;
    study
        .0
        .checked_sub(birth.0)?
        .checked_sub(u16::from(!had_birthday))
}

#[cfg(test)]
mod tests {
    use super::{age_years, plain_date};

    #[test]
    fn a_stated_age_is_taken_in_whole_years() {
        let stated = |age| age_years(Some(age), None, None);
        assert_eq!(stated("041Y"), Some(41));
        assert_eq!(stated("41Y"), Some(41));
        assert_eq!(stated("030M"), Some(2));
        assert_eq!(stated("007M"), Some(0));
        assert_eq!(stated("010W"), Some(0));
        assert_eq!(stated("400D"), Some(1));
        for twelve in [
            "12 Y",
            "012 years",
            "12YR",
            "Y012",
            "12.5Y",
            "12,9 y",
            "150 months",
            "M150",
            " 12y ",
        ] {
            assert_eq!(stated(twelve), Some(12), "{twelve}");
        }
    }

    #[test]
    fn what_is_no_age_is_none() {
        for age in [
            "",
            "Y",
            "041",
            "-41Y",
            "+41Y",
            "4 1Y",
            "000Y",
            "999Y",
            "999999Y",
            "041Я",
            "Y",
            "41 apples",
            "12.Y.5",
            "Y4 1",
        ] {
            assert_eq!(age_years(Some(age), None, None), None, "{age}");
        }
    }

    #[test]
    fn birth_and_study_date_give_the_age_where_none_is_stated() {
        let between = |birth, study| age_years(None, Some(birth), Some(study));
        assert_eq!(between("19600515", "20240514"), Some(63));
        assert_eq!(between("19600515", "20240515"), Some(64));
        assert_eq!(between("20240515", "20240514"), None, "born after the study");
        assert_eq!(between("19000101", "20240514"), None, "a placeholder");
        assert_eq!(between("1960", "20240514"), None);
        assert_eq!(
            age_years(Some("abc"), Some("19600515"), Some("20240515")),
            Some(64)
        );
        assert_eq!(
            age_years(Some("050Y"), Some("19600515"), Some("20240515")),
            Some(50)
        );
        assert_eq!(age_years(None, Some("19600515"), None), None);
        assert_eq!(
            age_years(Some("999Y"), Some("19600515"), Some("20240515")),
            Some(64)
        );
    }

    #[test]
    fn dates_of_other_calendars_give_the_age_where_both_can_be_told() {
        let between = |birth, study| age_years(None, Some(birth), Some(study));
        // Thailand writes years of the Buddhist calendar, in one of the dates or in both.
        assert_eq!(between("25520110", "20200301"), Some(11));
        assert_eq!(between("25520110", "25630301"), Some(11));
        assert_eq!(between("20090110", "25630301"), Some(11));
        assert_eq!(between("25020110", "20200301"), Some(61));
        // Solar Hijri, in both.
        assert_eq!(between("13880110", "13990301"), Some(11));
        assert_eq!(between("13380110", "13990301"), Some(61));
        // In one alone nobody knows which of the Hijri calendars it is.
        assert_eq!(between("13880110", "20200301"), None);
        assert_eq!(between("19000101", "25630301"), None, "a placeholder");
        assert_eq!(between("18500101", "18600101"), None);
    }

    #[test]
    fn of_two_ages_that_contradict_each_other_the_lower_counts() {
        let both = |age, birth| age_years(Some(age), Some(birth), Some("20250314"));
        assert_eq!(both("055Y", "20130101"), Some(12));
        assert_eq!(both("012Y", "19700101"), Some(12));
        assert_eq!(both("055Y", "19700101"), Some(55));
        assert_eq!(both("055Y", "20250314"), Some(55), "dates made equal");
        assert_eq!(both("055Y", "19000101"), Some(55), "a placeholder");
    }

    #[test]
    fn a_date_written_otherwise_is_a_date() {
        for birth in [
            "20130101",
            "2013.01.01",
            "2013-01-01",
            "01.01.2013",
            "2013/01/01",
            "20130101101500",
            "20130101101500.5",
            "20130101 ",
        ] {
            for study in ["20250314", "2025.03.14"] {
                assert_eq!(
                    age_years(None, Some(birth), Some(study)),
                    Some(12),
                    "{birth} {study}"
                );
            }
        }
        for none in [
            "",
            "2013",
            "2013.1.1",
            "13.01.01",
            "2013.01",
            "2013_01_01",
            "1.2.3.4",
            "2013.0a.01",
            "01/02/2013",
            "20130101abcdef",
        ] {
            assert_eq!(plain_date(none), None, "{none}");
        }
    }
}
