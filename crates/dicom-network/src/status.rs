/// The status of a response (PS3.7 annex C, PS3.4 annex B.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    pub const SUCCESS: Self = Self(0x0000);
    pub const INVALID_ATTRIBUTE_VALUE: Self = Self(0x0106);
    pub const PROCESSING_FAILURE: Self = Self(0x0110);
    pub const DUPLICATE_SOP_INSTANCE: Self = Self(0x0111);
    pub const NO_SUCH_SOP_INSTANCE: Self = Self(0x0112);
    pub const INVALID_ARGUMENT: Self = Self(0x0115);
    pub const INVALID_SOP_INSTANCE: Self = Self(0x0117);
    pub const NO_SUCH_SOP_CLASS: Self = Self(0x0118);
    pub const MISSING_ATTRIBUTE: Self = Self(0x0120);
    pub const SOP_CLASS_NOT_SUPPORTED: Self = Self(0x0122);
    pub const NO_SUCH_ACTION: Self = Self(0x0123);
    pub const UNRECOGNIZED_OPERATION: Self = Self(0x0211);
    pub const MISTYPED_ARGUMENT: Self = Self(0x0212);
    pub const RESOURCE_LIMITATION: Self = Self(0x0213);
    pub const OUT_OF_RESOURCES: Self = Self(0xA700);
    pub const DATA_SET_DOES_NOT_MATCH: Self = Self(0xA900);
    pub const CANNOT_UNDERSTAND: Self = Self(0xC000);
    /// Of a query or a retrieval that was told to end.
    pub const CANCEL: Self = Self(0xFE00);

    /// Of a query or a retrieval: more is to come (PS3.4 annex C).
    pub(crate) fn is_pending(self) -> bool {
        matches!(self.0, 0xFF00 | 0xFF01)
    }

    /// Of a retrieval: success, or a warning that instances failed.
    pub fn is_done(self) -> bool {
        self.0 == 0 || matches!(self.0, 0xB000..=0xBFFF)
    }

    /// Success, or a warning: the peer has it.
    pub fn is_stored(self) -> bool {
        self.0 == 0 || self.0 == 1 || matches!(self.0, 0xB000..=0xBFFF | 0x0107 | 0x0116)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04X}H", self.0)
    }
}
