//! Files of PS3.10 around data sets as they travel.

use std::io::Cursor;

use dicom_dictionary_std::uids;
use dicom_object::{FileMetaTable, FileMetaTableBuilder, InMemDicomObject, OpenFileOptions};
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;

use crate::ae_title::AeTitle;
use crate::implementation::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};

const PREAMBLE_BYTES: usize = 128;
const MAGIC: &[u8; 4] = b"DICM";

/// A file that is no DICOM file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no file of DICOM PS3.10: {0}")]
pub struct InvalidFile(String);

impl InvalidFile {
    fn because(error: &impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// What stands before a data set that was received: preamble and file meta information.
pub(crate) fn file_head(
    sop_class: &str,
    sop_instance: &str,
    transfer_syntax: &str,
    source: &AeTitle,
) -> Result<Vec<u8>, InvalidFile> {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(sop_class)
        .media_storage_sop_instance_uid(sop_instance)
        .transfer_syntax(transfer_syntax)
        .implementation_class_uid(IMPLEMENTATION_CLASS_UID)
        .implementation_version_name(IMPLEMENTATION_VERSION_NAME)
        .source_application_entity_title(source.as_str())
        .build()
        .map_err(|error| InvalidFile::because(&error))?;
    let mut bytes = vec![0; PREAMBLE_BYTES];
    bytes.extend(MAGIC);
    meta.write(&mut bytes)
        .map_err(|error| InvalidFile::because(&error))?;
    Ok(bytes)
}

/// An instance to be sent: the data set of a file as it stands there.
#[derive(Debug, Clone)]
pub struct OutgoingInstance {
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub transfer_syntax_uid: String,
    file: Vec<u8>,
    data_set_start: usize,
}

impl OutgoingInstance {
    /// Takes a whole file.
    ///
    /// # Errors
    /// Where it has no file meta information that can be read.
    pub fn from_file(file: Vec<u8>) -> Result<Self, InvalidFile> {
        if file.get(PREAMBLE_BYTES..PREAMBLE_BYTES + MAGIC.len()) != Some(MAGIC.as_slice()) {
            return Err(InvalidFile("the preamble is missing".to_owned()));
        }
        let mut reader = Cursor::new(&file[PREAMBLE_BYTES..]);
        let meta = FileMetaTable::from_reader(&mut reader).map_err(|error| InvalidFile::because(&error))?;
        // The group length counts what stands behind itself: 12 bytes.
        let start = PREAMBLE_BYTES as u64 + 4 + 12 + u64::from(meta.information_group_length);
        let data_set_start = usize::try_from(start)
            .ok()
            .filter(|start| *start <= file.len())
            .ok_or_else(|| InvalidFile("its meta information reaches past its end".to_owned()))?;
        let trimmed = |text: &str| text.trim_end_matches(['\0', ' ']).to_owned();
        Ok(Self {
            sop_class_uid: trimmed(meta.media_storage_sop_class_uid()),
            sop_instance_uid: trimmed(meta.media_storage_sop_instance_uid()),
            transfer_syntax_uid: trimmed(meta.transfer_syntax()),
            file,
            data_set_start,
        })
    }

    pub(crate) fn data_set(&self) -> &[u8] {
        &self.file[self.data_set_start..]
    }

    /// Whether it can be written in the transfer syntax that every peer takes.
    pub(crate) fn can_be_implicit(&self) -> bool {
        self.transfer_syntax_uid == uids::EXPLICIT_VR_LITTLE_ENDIAN
    }

    /// The data set in implicit VR little endian.
    pub(crate) fn implicit_data_set(&self) -> Result<Vec<u8>, InvalidFile> {
        let object = OpenFileOptions::new()
            .from_reader(Cursor::new(&self.file))
            .map_err(|error| InvalidFile::because(&error))?;
        let data_set: InMemDicomObject = object.into_inner();
        let mut bytes = Vec::new();
        data_set
            .write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .map_err(|error| InvalidFile::because(&error))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back() {
        let source: AeTitle = "CT1".parse().unwrap();
        let mut file = file_head("1.2.3", "1.2.3.45", uids::EXPLICIT_VR_LITTLE_ENDIAN, &source).unwrap();
        file.extend(b"the data set");
        let instance = OutgoingInstance::from_file(file).unwrap();
        assert_eq!(instance.sop_class_uid, "1.2.3");
        assert_eq!(instance.sop_instance_uid, "1.2.3.45");
        assert_eq!(instance.transfer_syntax_uid, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(instance.data_set(), b"the data set");
        assert!(OutgoingInstance::from_file(vec![0; 200]).is_err());
        assert!(OutgoingInstance::from_file(vec![0; 20]).is_err());
    }
}
