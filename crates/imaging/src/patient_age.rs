//! The patient's age in whole years: the only thing of the person that a report holds.

/// No living person is older; a larger number is a mistake or a placeholder.
const OLDEST_YEARS: u16 = 130;

/// The age in whole years from Patient's Age (0010,1010), an AS such as `041Y` or `007M` (PS3.5 table 6.2-1).
/// Otherwise, from the dates of birth (0010,0030) and study (0008,0020), both `YYYYMMDD`, which are not kept.
/// None where neither says it plausibly.
pub(crate) fn age_years(
    age: Option<&str>,
    birth_date: Option<&str>,
    study_date: Option<&str>,
) -> Option<u16> {
    age.and_then(stated_years)
        .or_else(|| years_between(parse_date(birth_date?)?, parse_date(study_date?)?))
        .filter(|years| *years <= OLDEST_YEARS)
}

fn stated_years(age: &str) -> Option<u16> {
    // Writers leave out the leading zeros that the standard asks for.
    let (number, unit) = age.split_at_checked(age.len().checked_sub(1)?)?;
    let count: u16 = number
        .trim()
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| number.trim().parse().ok())??;
    match unit {
        "Y" | "y" => (count > 0).then_some(count),
        "M" | "m" => Some(count / 12),
        "W" | "w" => Some(count / 52),
        "D" | "d" => Some(count / 365),
        _ => None,
    }
}

/// Year, and month with day as one number that grows through the year.
fn parse_date(date: &str) -> Option<(u16, u16)> {
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let (year, day) = is_date.then(|| date.split_at(4))?;
    let (year, day) = (year.parse().ok()?, day.parse().ok()?);
    // 1900 and before are what systems write for an unknown date of birth.
    (year > 1900 && (101..=1231).contains(&day)).then_some((year, day))
}

fn years_between(birth: (u16, u16), study: (u16, u16)) -> Option<u16> {
    let had_birthday = study.1 >= birth.1;
    study
        .0
        .checked_sub(birth.0)?
        .checked_sub(u16::from(!had_birthday))
}

#[cfg(test)]
mod tests {
    use super::age_years;

    #[test]
    fn a_stated_age_is_taken_in_whole_years() {
        let stated = |age| age_years(Some(age), None, None);
        assert_eq!(stated("041Y"), Some(41));
        assert_eq!(stated("41Y"), Some(41));
        assert_eq!(stated("030M"), Some(2));
        assert_eq!(stated("007M"), Some(0));
        assert_eq!(stated("010W"), Some(0));
        assert_eq!(stated("400D"), Some(1));
    }

    #[test]
    fn what_is_no_age_is_none() {
        for age in [
            "", "Y", "041", "-41Y", "+41Y", "4 1Y", "000Y", "999Y", "999999Y", "041Я",
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
    }
}
