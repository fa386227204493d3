use chrono::Utc;

/// A version that no other writing of a bundle or model has: `base` (without what an earlier writing added) and the time,
/// as build metadata of semantic versioning. Reports tell one bundle from another by it.
pub fn new_version(base: &str) -> String {
    let base = base.split('+').next().unwrap_or_default();
    format!("{base}+{}", Utc::now().format("%Y%m%dT%H%M%S.%9fZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_another_one_of_the_same_base() {
        let first = new_version("0.3.1");
        let second = new_version(&first);
        assert_ne!(first, second);
        for version in [first, second] {
            assert!(version.starts_with("0.3.1+2"), "{version}");
            assert_eq!(version.matches('+').count(), 1, "{version}");
        }
    }
}
