use ndarray::Array3;
use norma_domain::VolumeGeometry;

/// A CT volume: Hounsfield units on a grid, axes `(z, y, x)`, z ascending to the head.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Hounsfield units, `(z, y, x)`.
    pub hounsfield: Array3<i16>,
    pub geometry: VolumeGeometry,
}
