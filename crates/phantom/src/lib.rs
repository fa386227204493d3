#![doc = include_str!("../README.md")]

mod anatomy;
mod canvas;
mod noise;
mod options;
mod render;
mod rle;
mod series;
mod shapes;
mod skeleton;
mod vessels;

use norma_domain::{SpacingMm, VolumeGeometry};
use norma_volume::Volume;

pub use options::{Lungs, Nodule, PhantomOptions, PhantomPatient, TransferSyntax};
pub use series::{PhantomSeries, phantom_zip, write_phantom_series};

impl PhantomOptions {
    fn geometry(&self) -> VolumeGeometry {
        let pixel_mm = f64::from(canvas::FIELD_OF_VIEW_MM) / self.size as f64;
        let (sin, cos) = f64::from(self.tilt_degrees).to_radians().sin_cos();
        let corner = -(f64::from(canvas::FIELD_OF_VIEW_MM) - pixel_mm) / 2.0;
        VolumeGeometry {
            slice_places_mm: None,
            shape: [self.slices, self.size, self.size],
            spacing_mm: SpacingMm::new(f64::from(self.spacing_mm), pixel_mm, pixel_mm)
                .expect("a phantom's spacing is positive"),
            origin_mm: [corner, corner * cos, corner * sin],
            direction: [[0.0, 0.0, 1.0], [0.0, cos, sin], [1.0, 0.0, 0.0]],
        }
    }
}

/// The phantom as a volume in Hounsfield units. Its origin is that of the written series.
///
/// # Panics
/// If `size`, `slices` or `spacing_mm` is not positive.
pub fn phantom_volume(options: &PhantomOptions) -> Volume {
    assert!(options.size > 0 && options.slices > 0, "a phantom has pixels");
    Volume {
        geometry: options.geometry(),
        hounsfield: render::render(options),
    }
}

#[cfg(test)]
mod tests;
