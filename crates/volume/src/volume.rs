use ndarray::{Array3, ArrayView2, Axis};
use norma_domain::VolumeGeometry;

/// A voxel array whose shape is not the one its geometry states.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("voxels of shape {voxels:?} do not fit a geometry of shape {geometry:?}")]
pub struct ShapeMismatch {
    pub voxels: [usize; 3],
    pub geometry: [usize; 3],
}

/// A CT volume in Hounsfield units. Axes `(z, y, x)`: slices ascend towards the head, rows towards the back,
/// columns towards the patient's left for a volume in the standard axial orientation.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    pub hounsfield: Array3<i16>,
    pub geometry: VolumeGeometry,
}

impl Volume {
    /// Binds voxels to their geometry; the shapes must agree.
    pub fn new(hounsfield: Array3<i16>, geometry: VolumeGeometry) -> Result<Self, ShapeMismatch> {
        let (slices, rows, columns) = hounsfield.dim();
        let voxels = [slices, rows, columns];
        if voxels == geometry.shape {
            Ok(Self { hounsfield, geometry })
        } else {
            Err(ShapeMismatch {
                voxels,
                geometry: geometry.shape,
            })
        }
    }

    /// One axial slice, rows × columns.
    ///
    /// # Panics
    /// If `slice` is not below the number of slices.
    pub fn slice(&self, slice: usize) -> ArrayView2<'_, i16> {
        self.hounsfield.index_axis(Axis(0), slice)
    }
}
