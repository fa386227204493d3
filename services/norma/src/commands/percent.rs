//! Shares as a person reads them.

/// `34 % (27–41)`; what is not known is said to be so.
pub(super) fn share_with(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match (value, interval) {
        (Some(value), Some([low, high])) => {
            let bare = |share: f64| percent(share).trim_end_matches(" %").to_owned();
            format!("{} ({}–{})", percent(value), bare(low), bare(high))
        }
        _ => "an unknown share".to_owned(),
    }
}

/// Whole percents, with tenths near both ends, where they matter: 0 and 100 are said of nothing else.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let tenths = (percent * 10.0).round() / 10.0;
    let tenths = if share > 0.0 && share < 1.0 {
        tenths.clamp(0.1, 99.9)
    } else {
        tenths
    };
    if (10.0..=90.0).contains(&percent) || tenths.fract() == 0.0 {
        format!("{percent:.0} %")
    } else {
        format!("{tenths:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_finer_near_the_ends() {
        for (share, text) in [
            (0.34, "34 %"),
            (0.95, "95 %"),
            (0.986, "98.6 %"),
            (0.052, "5.2 %"),
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.123, "12 %"),
            (0.9997, "99.9 %"),
            (0.0001, "0.1 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
