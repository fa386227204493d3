//! A browser and its system by the names that people know them by.

/// What the header `User-Agent` says of a browser, most particular first: browsers also claim to be those that they stem
/// from (RFC 9110, 10.1.5; each vendor's own words).
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// The names of the browser and of the system; empty where they are not known.
pub(crate) fn device_names(user_agent: &str) -> [&'static str; 2] {
    let name_in = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(sign, _)| user_agent.contains(sign))
            .map_or("", |(_, name)| *name)
    };
    [name_in(&BROWSERS), name_in(&SYSTEMS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_from_those_that_they_stem_from() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        for (sent, names) in [
            (format!("{windows} {chrome}"), ["Chrome", "Windows"]),
            (format!("{windows} {chrome} Edg/142.0.0.0"), ["Edge", "Windows"]),
            (format!("{windows} {chrome} YaBrowser/25.10"), ["Yandex Browser", "Windows"]),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
                ["Firefox", "Linux"],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
                    .to_owned(),
                ["Safari", "macOS"],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 FxiOS/145.0 Safari/604.1".to_owned(),
                ["Firefox", "iOS"],
            ),
            (format!("Mozilla/5.0 (Linux; Android 15) {chrome}"), ["Chrome", "Android"]),
            ("curl/8.5.0".to_owned(), ["", ""]),
        ] {
            assert_eq!(device_names(&sent), names, "{sent}");
        }
    }
}
