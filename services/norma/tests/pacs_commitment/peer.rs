//! A peer that asks whether what it sent is stored, over the associations of `dicom-ul`.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicom_ul::association::Association as _;
use dicom_ul::association::client::{ClientAssociation, ClientAssociationOptions};
use dicom_ul::association::server::{ServerAssociation, ServerAssociationOptions};
use dicom_ul::pdu::{PDataValueType, Pdu};

use crate::dicom_node::message::{command, element, message, number, pdata, text};

const COMMITMENT: &str = "1.2.840.10008.1.20.1";
const COMMITMENT_INSTANCE: &str = "1.2.840.10008.1.20.1.1";
const IMPLICIT: &str = "1.2.840.10008.1.2";
pub(crate) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const MR: &str = "1.2.840.10008.5.1.4.1.1.4";

const N_EVENT_REPORT_RQ: u16 = 0x0100;
const N_EVENT_REPORT_RSP: u16 = 0x8100;
const N_ACTION_RQ: u16 = 0x0130;
const N_ACTION_RSP: u16 = 0x8130;

/// What came of a transaction: SOP Instance UIDs, those that are not stored with their reasons.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) transaction: String,
    pub(crate) event_type: u16,
    pub(crate) stored: Vec<String>,
    pub(crate) failed: Vec<(String, u16)>,
}

/// An association of this peer's.
pub(crate) struct Asking {
    association: ClientAssociation<TcpStream>,
    context: u8,
}

impl Asking {
    /// None where the node does not let this peer ask.
    pub(crate) fn associate(port: u16, title: &str) -> Option<Self> {
        let association = ClientAssociationOptions::new()
            .calling_ae_title(title.to_owned())
            .called_ae_title("NORMA")
            .with_presentation_context(COMMITMENT, vec![IMPLICIT])
            .with_presentation_context("1.2.840.10008.1.1", vec![IMPLICIT])
            .with_role_selection(COMMITMENT, true, false)
            .read_timeout(Duration::from_secs(60))
            .establish(("127.0.0.1", port))
            .unwrap();
        let context = association
            .presentation_contexts()
            .iter()
            .find(|context| context.abstract_syntax == COMMITMENT)
            .map(|context| context.id);
        match context {
            Some(context) => Some(Self { association, context }),
            None => {
                association.release().unwrap();
                None
            }
        }
    }

    /// Asks; gives the status of the answer.
    pub(crate) fn ask(&mut self, transaction: &str, instances: &[(&str, &str)]) -> u16 {
        self.act(1, &request(transaction, instances))
    }

    /// N-ACTION of any type with any data set.
    pub(crate) fn act(&mut self, action_type: u16, data_set: &[u8]) -> u16 {
        let command = command(&[
            (0x0003, text(COMMITMENT)),
            (0x0100, N_ACTION_RQ.to_le_bytes().to_vec()),
            (0x0110, 7_u16.to_le_bytes().to_vec()),
            (0x0800, 1_u16.to_le_bytes().to_vec()),
            (0x1001, text(COMMITMENT_INSTANCE)),
            (0x1008, action_type.to_le_bytes().to_vec()),
        ]);
        for (value_type, data) in [
            (PDataValueType::Command, command),
            (PDataValueType::Data, data_set.to_vec()),
        ] {
            let pdu = pdata(self.context, value_type, data);
            self.association.send(&pdu).unwrap();
        }
        let (response, _) = message(|| self.association.receive().unwrap());
        assert_eq!(number(&response, 0x0100), N_ACTION_RSP);
        assert_eq!(number(&response, 0x0120), 7);
        number(&response, 0x0900)
    }

    /// Waits for the report over this association, and takes it.
    pub(crate) fn wait(&mut self) -> Told {
        let (event, data_set) = message(|| self.association.receive().unwrap());
        let told = told(&event, &data_set);
        let response = pdata(self.context, PDataValueType::Command, answer_to(&event, 0));
        self.association.send(&response).unwrap();
        told
    }

    pub(crate) fn release(self) {
        self.association.release().unwrap();
    }
}

/// Waits for a report over an association of the node's, and answers it with this status.
pub(crate) fn be_told(listener: &TcpListener, status: u16) -> Told {
    let (stream, _) = listener.accept().unwrap();
    let options = ServerAssociationOptions::new()
        .accept_any()
        .ae_title("CT1")
        .with_abstract_syntax(COMMITMENT)
        .with_transfer_syntax(IMPLICIT)
        .read_timeout(Duration::from_secs(60));
    let mut association: ServerAssociation<TcpStream> = options.establish(stream).unwrap();
    assert_eq!(association.peer_ae_title().trim(), "NORMA");
    let mut context = 0;
    let (event, data_set) = message(|| {
        let pdu = association.receive().unwrap();
        if let Pdu::PData { data } = &pdu {
            context = data[0].presentation_context_id;
        }
        pdu
    });
    let told = told(&event, &data_set);
    let response = pdata(context, PDataValueType::Command, answer_to(&event, status));
    association.send(&response).unwrap();
    match association.receive().unwrap() {
        Pdu::ReleaseRQ => association.send(&Pdu::ReleaseRP).unwrap(),
        Pdu::AbortRQ { .. } if status != 0 => {}
        other => panic!("{other:?}"),
    }
    told
}

/// The data set of a request.
pub(crate) fn request(transaction: &str, instances: &[(&str, &str)]) -> Vec<u8> {
    let mut items = Vec::new();
    for (class, instance) in instances {
        let mut item = element((0x0008, 0x1150), &text(class));
        item.extend(element((0x0008, 0x1155), &text(instance)));
        items.extend(element((0xFFFE, 0xE000), &item));
    }
    let mut data_set = element((0x0008, 0x1195), &text(transaction));
    data_set.extend(element((0x0008, 0x1199), &items));
    data_set
}

fn told(event: &[u8], data_set: &[u8]) -> Told {
    assert_eq!(number(event, 0x0100), N_EVENT_REPORT_RQ);
    let report =
        InMemDicomObject::read_dataset_with_ts(data_set, &IMPLICIT_VR_LITTLE_ENDIAN.erased()).unwrap();
    let uid = |object: &InMemDicomObject, name: &str| {
        let element = object.element_by_name(name).unwrap();
        element.to_str().unwrap().trim_end_matches('\0').to_owned()
    };
    let items = |name: &str| {
        let sequence = report.element_by_name(name).ok();
        let items = sequence.map(|sequence| sequence.items().unwrap().to_vec());
        items.unwrap_or_default()
    };
    let failed = items("FailedSOPSequence").into_iter().map(|item| {
        let reason = item.element_by_name("FailureReason").unwrap();
        (uid(&item, "ReferencedSOPInstanceUID"), reason.to_int().unwrap())
    });
    let stored = items("ReferencedSOPSequence").into_iter();
    Told {
        transaction: uid(&report, "TransactionUID"),
        event_type: number(event, 0x1002),
        stored: stored
            .map(|item| uid(&item, "ReferencedSOPInstanceUID"))
            .collect(),
        failed: failed.collect(),
    }
}

fn answer_to(event: &[u8], status: u16) -> Vec<u8> {
    command(&[
        (0x0002, text(COMMITMENT)),
        (0x0100, N_EVENT_REPORT_RSP.to_le_bytes().to_vec()),
        (0x0120, number(event, 0x0110).to_le_bytes().to_vec()),
        (0x0800, 0x0101_u16.to_le_bytes().to_vec()),
        (0x0900, status.to_le_bytes().to_vec()),
        (0x1000, text(COMMITMENT_INSTANCE)),
    ])
}
