//! A modality that tells what it performs, and an archive that says how many instances it has, over the associations of `dicom-ul`.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dicom_ul::association::client::{ClientAssociation, ClientAssociationOptions};
use dicom_ul::association::server::{ServerAssociation, ServerAssociationOptions};
use dicom_ul::pdu::{PDataValueType, Pdu};

use crate::dicom_node::message::{command, element, message, number, pdata, text};

const STEP: &str = "1.2.840.10008.3.1.2.3.3";
const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const N_SET_RQ: u16 = 0x0120;
const N_CREATE_RQ: u16 = 0x0140;
const C_FIND_RSP: u16 = 0x8020;

/// What is told of a step.
pub(crate) struct Told<'a> {
    pub(crate) state: &'a str,
    /// Of N-CREATE.
    pub(crate) study: Option<&'a str>,
    /// SOP Instance UIDs of its one series.
    pub(crate) instances: &'a [String],
}

impl Told<'_> {
    fn data_set(&self) -> Vec<u8> {
        let item = |value: &[u8]| element((0xFFFE, 0xE000), value);
        let mut data_set = element((0x0040, 0x0252), &text_with_blank(self.state));
        if let Some(study) = self.study {
            let scheduled = element((0x0020, 0x000D), &text(study));
            data_set.extend(element((0x0040, 0x0270), &item(&scheduled)));
        }
        let references: Vec<u8> = self
            .instances
            .iter()
            .flat_map(|uid| item(&element((0x0008, 0x1155), &text(uid))))
            .collect();
        let mut series = element((0x0008, 0x1140), &references);
        series.extend(element((0x0020, 0x000E), &text("1.2.3.4")));
        data_set.extend(element((0x0040, 0x0340), &item(&series)));
        data_set
    }
}

fn text_with_blank(value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(2), b' ');
    bytes
}

/// An association of a modality.
pub(crate) struct Modality {
    association: ClientAssociation<TcpStream>,
    context: u8,
}

impl Modality {
    /// None where the node does not listen to it.
    pub(crate) fn associate(port: u16, title: &str) -> Option<Self> {
        let association = ClientAssociationOptions::new()
            .calling_ae_title(title.to_owned())
            .called_ae_title("NORMA")
            .with_presentation_context(STEP, vec![IMPLICIT])
            .with_presentation_context("1.2.840.10008.1.1", vec![IMPLICIT])
            .read_timeout(Duration::from_secs(60))
            .establish(("127.0.0.1", port))
            .unwrap();
        let mut contexts = association.presentation_contexts().iter();
        let context = contexts.find(|context| context.abstract_syntax == STEP);
        match context.map(|context| context.id) {
            Some(context) => Some(Self { association, context }),
            None => {
                association.release().unwrap();
                None
            }
        }
    }

    /// N-CREATE: the status, and (0000,0903).
    pub(crate) fn begin(&mut self, uid: &str, told: &Told<'_>) -> (u16, Option<u16>) {
        self.tell((N_CREATE_RQ, 0x0002, 0x1000), uid, told)
    }

    /// N-SET.
    pub(crate) fn go_on(&mut self, uid: &str, told: &Told<'_>) -> (u16, Option<u16>) {
        self.tell((N_SET_RQ, 0x0003, 0x1001), uid, told)
    }

    /// `(field, class, instance)`: the operation, and the elements of the command that name class and instance.
    fn tell(
        &mut self,
        (field, class, instance): (u16, u16, u16),
        uid: &str,
        told: &Told<'_>,
    ) -> (u16, Option<u16>) {
        let request = command(&[
            (class, text(STEP)),
            (0x0100, field.to_le_bytes().to_vec()),
            (0x0110, 7_u16.to_le_bytes().to_vec()),
            (0x0800, 1_u16.to_le_bytes().to_vec()),
            (instance, text(uid)),
        ]);
        for (value_type, data) in [
            (PDataValueType::Command, request),
            (PDataValueType::Data, told.data_set()),
        ] {
            let pdu = pdata(self.context, value_type, data);
            self.association.send(&pdu).unwrap();
        }
        let (response, _) = message(|| self.association.receive().unwrap());
        assert_eq!(number(&response, 0x0100), field | 0x8000);
        let error = [0x03, 0x09].as_slice();
        let has_error = response
            .windows(4)
            .any(|tag| tag[..2] == [0, 0] && tag[2..] == *error);
        (
            number(&response, 0x0900),
            has_error.then(|| number(&response, 0x0903)),
        )
    }

    pub(crate) fn release(self) {
        self.association.release().unwrap();
    }
}

/// An archive that answers each search for series with one, of so many instances; until it is dropped.
pub(crate) struct Archive(Arc<AtomicBool>);

impl Archive {
    pub(crate) fn listen(port: u16, series: String, instances: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&is_over);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream.unwrap(), &series, instances);
            }
        });
        Self(is_over)
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn answer(stream: TcpStream, series: &str, instances: usize) {
    let options = ServerAssociationOptions::new()
        .accept_any()
        .ae_title("ARCHIVE")
        .with_abstract_syntax(STUDY_ROOT_FIND)
        .with_transfer_syntax(IMPLICIT)
        .read_timeout(Duration::from_secs(60));
    let mut association: ServerAssociation<TcpStream> = options.establish(stream).unwrap();
    let mut context = 0;
    let mut is_released = false;
    let (request, _) = message(|| {
        let pdu = association.receive().unwrap();
        if let Pdu::PData { data } = &pdu {
            context = data[0].presentation_context_id;
        }
        pdu
    });
    let response = |status: u16, has_data_set: bool| {
        command(&[
            (0x0002, text(STUDY_ROOT_FIND)),
            (0x0100, C_FIND_RSP.to_le_bytes().to_vec()),
            (0x0120, number(&request, 0x0110).to_le_bytes().to_vec()),
            (
                0x0800,
                if has_data_set { 1_u16 } else { 0x0101 }.to_le_bytes().to_vec(),
            ),
            (0x0900, status.to_le_bytes().to_vec()),
        ])
    };
    let mut found = element((0x0008, 0x0052), b"SERIES");
    found.extend(element((0x0008, 0x0060), b"CT"));
    found.extend(element((0x0020, 0x000E), &text(series)));
    found.extend(element(
        (0x0020, 0x1209),
        &text_with_blank(&instances.to_string()),
    ));
    for (value_type, data) in [
        (PDataValueType::Command, response(0xFF00, true)),
        (PDataValueType::Data, found),
        (PDataValueType::Command, response(0, false)),
    ] {
        association.send(&pdata(context, value_type, data)).unwrap();
    }
    while !is_released {
        match association.receive() {
            Ok(Pdu::ReleaseRQ) => {
                association.send(&Pdu::ReleaseRP).unwrap();
                is_released = true;
            }
            Ok(_) => {}
            Err(_) => is_released = true,
        }
    }
}
