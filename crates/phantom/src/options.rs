//! What a phantom is like.

/// Which lungs hold air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lungs {
    Both,
    /// The right one is full of fluid.
    Left,
    /// Both are full of fluid.
    None,
}

/// A round lesion within a lung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nodule {
    /// `[x, y, z]` in millimetres from the middle of the trunk: x to the patient's left, y to the back, z up
    /// from the lowest slice.
    pub center_mm: [f32; 3],
    pub diameter_mm: f32,
    pub hounsfield: f32,
    /// Strands into the lung around it.
    pub spiculated: bool,
}

impl Default for Nodule {
    /// 18 mm, solid, spiculated, in the right upper lobe.
    fn default() -> Self {
        Self {
            center_mm: [-78.0, 6.0, 204.0],
            diameter_mm: 18.0,
            hounsfield: 35.0,
            spiculated: true,
        }
    }
}

/// How a series is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferSyntax {
    ExplicitLittleEndian,
    ImplicitLittleEndian,
    DeflatedExplicitLittleEndian,
    RleLossless,
}

impl TransferSyntax {
    pub const ALL: [Self; 4] = [
        Self::ExplicitLittleEndian,
        Self::ImplicitLittleEndian,
        Self::DeflatedExplicitLittleEndian,
        Self::RleLossless,
    ];

    /// DICOM PS3.6 table A-1.
    pub const fn uid(self) -> &'static str {
        match self {
            Self::ExplicitLittleEndian => "1.2.840.10008.1.2.1",
            Self::ImplicitLittleEndian => "1.2.840.10008.1.2",
            Self::DeflatedExplicitLittleEndian => "1.2.840.10008.1.2.1.99",
            Self::RleLossless => "1.2.840.10008.1.2.5",
        }
    }
}

/// Whom the files name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhantomPatient {
    /// Patient's Name (0010,0010).
    pub name: String,
    /// Patient ID (0010,0020); `PHANTOM-{seed}` where None.
    pub id: Option<String>,
    /// Patient's Birth Date (0010,0030); empty says nothing.
    pub birth_date: String,
    /// Patient Identity Removed (0012,0062): a phantom is nobody, so its name contradicts no patient's.
    pub is_nobody: bool,
}

impl Default for PhantomPatient {
    fn default() -> Self {
        Self {
            name: "PHANTOM^NORMA".to_owned(),
            id: None,
            birth_date: String::new(),
            is_nobody: true,
        }
    }
}

/// What the phantom is like. The default is a norm chest: 120 slices of 512 × 512, 2.5 mm.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomOptions {
    /// Different seeds are different people.
    pub seed: u64,
    /// Rows and columns of a slice; 400 mm wide.
    pub size: usize,
    /// The whole chest is 300 mm high; fewer slices × spacing leave the apices out.
    pub slices: usize,
    pub spacing_mm: f32,
    pub nodule: Option<Nodule>,
    /// Fluid in the right pleural space, with the lung collapsed beside it.
    pub effusion: bool,
    /// Gas in front in the left pleural space: a pneumothorax of a patient who lies on the back.
    pub pneumothorax: bool,
    pub lungs: Lungs,
    pub contrast: bool,
    /// Standard deviation of the noise in soft tissue.
    pub noise_hu: f32,
    /// The gantry leans by this angle about the left–right axis.
    pub tilt_degrees: f32,
    /// Slices that are left out of the files; `phantom_volume` has them.
    pub missing_slices: Vec<usize>,
    pub transfer_syntax: TransferSyntax,
    pub patient: PhantomPatient,
}

impl Default for PhantomOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            size: 512,
            slices: 120,
            spacing_mm: 2.5,
            nodule: None,
            effusion: false,
            pneumothorax: false,
            lungs: Lungs::Both,
            contrast: false,
            noise_hu: 11.0,
            tilt_degrees: 0.0,
            missing_slices: Vec::new(),
            transfer_syntax: TransferSyntax::ExplicitLittleEndian,
            patient: PhantomPatient::default(),
        }
    }
}

impl PhantomOptions {
    /// A whole chest that is computed quickly: 60 slices of 208 × 208 pixels of 1.92 mm, 5 mm apart. Coarser pixels
    /// are too coarse for the models.
    pub fn small() -> Self {
        Self {
            size: 208,
            slices: 60,
            spacing_mm: 5.0,
            ..Self::default()
        }
    }
}
