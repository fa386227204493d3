//! Whether a study is of the patient that was chosen for it.

mod matching;

pub(crate) use matching::{WantedPatient, confirmed, wanted_patient};
