/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// Whether each element says its value representation.
    pub explicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    pub const IMPLICIT_LITTLE: Self = Self {
        explicit: false,
        big_endian: false,
    };
    pub const EXPLICIT_LITTLE: Self = Self {
        explicit: true,
        big_endian: false,
    };
    pub const EXPLICIT_BIG: Self = Self {
        explicit: true,
        big_endian: true,
    };

    /// The encoding of a transfer syntax, by its UID (PS3.5 annex A): those that are not listed are explicit little endian.
    pub fn of_transfer_syntax(uid: &str) -> Self {
        match uid {
            "1.2.840.10008.1.2" => Self::IMPLICIT_LITTLE,
            "1.2.840.10008.1.2.2" => Self::EXPLICIT_BIG,
            _ => Self::EXPLICIT_LITTLE,
        }
    }

    /// The transfer syntax in which a data set is written so, without compressed pixels.
    pub const fn transfer_syntax_uid(self) -> &'static str {
        match (self.explicit, self.big_endian) {
            (false, _) => "1.2.840.10008.1.2",
            (true, false) => "1.2.840.10008.1.2.1",
            (true, true) => "1.2.840.10008.1.2.2",
        }
    }

    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}
