use norma_domain::OperatingPointName;

use crate::bundle::BundleFile;
use crate::operating_point_figures::{OperatingPointFigures, ScannerThreshold};
use crate::version::new_version;

impl BundleFile {
    /// This bundle with an operating point that a site measured, in the place of one of its name, under a new version. It is the
    /// default one from then on.
    pub fn with_site_point(&self, point: OperatingPointFigures) -> Self {
        let mut file = self.clone();
        file.version = new_version(&self.version);
        file.default_operating_point = OperatingPointName(point.name.as_str().to_owned());
        file.operating_points.retain(|known| known.name != point.name);
        file.operating_points.push(point);
        file
    }
}

impl OperatingPointFigures {
    /// This point under another name, with thresholds of scanners' own in the place of those that they had. What other scanners are
    /// held to stays as it is.
    pub fn with_scanner_thresholds(&self, name: OperatingPointName, own: Vec<ScannerThreshold>) -> Self {
        let mut point = Self { name, ..self.clone() };
        point
            .by_scanner
            .retain(|known| own.iter().all(|new| new.scanner != known.scanner));
        point.by_scanner.extend(own);
        point
    }
}
