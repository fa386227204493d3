//! Command sets (PS3.7 section 6.3.1): group 0000 in implicit VR little endian.

use std::collections::BTreeMap;

use crate::status::Status;

pub(crate) const C_STORE_RQ: u16 = 0x0001;
pub(crate) const C_STORE_RSP: u16 = 0x8001;
pub(crate) const C_GET_RQ: u16 = 0x0010;
pub(crate) const C_GET_RSP: u16 = 0x8010;
pub(crate) const C_FIND_RQ: u16 = 0x0020;
pub(crate) const C_FIND_RSP: u16 = 0x8020;
pub(crate) const C_MOVE_RQ: u16 = 0x0021;
pub(crate) const C_MOVE_RSP: u16 = 0x8021;
pub(crate) const C_ECHO_RQ: u16 = 0x0030;
pub(crate) const C_ECHO_RSP: u16 = 0x8030;
pub(crate) const C_CANCEL_RQ: u16 = 0x0FFF;
pub(crate) const N_EVENT_REPORT_RQ: u16 = 0x0100;
pub(crate) const N_EVENT_REPORT_RSP: u16 = 0x8100;
pub(crate) const N_SET_RQ: u16 = 0x0120;
pub(crate) const N_ACTION_RQ: u16 = 0x0130;
pub(crate) const N_ACTION_RSP: u16 = 0x8130;
pub(crate) const N_CREATE_RQ: u16 = 0x0140;

const RESPONSE: u16 = 0x8000;
/// PS3.5 section 9.
const LONGEST_UID: usize = 64;
/// (0000,0800) where no data set follows.
const NO_DATA_SET: u16 = 0x0101;
const DATA_SET: u16 = 0x0001;

const AFFECTED_SOP_CLASS: u16 = 0x0002;
const REQUESTED_SOP_CLASS: u16 = 0x0003;
const COMMAND_FIELD: u16 = 0x0100;
const MESSAGE_ID: u16 = 0x0110;
const MESSAGE_ID_RESPONDED_TO: u16 = 0x0120;
const MOVE_DESTINATION: u16 = 0x0600;
const PRIORITY: u16 = 0x0700;
const DATA_SET_TYPE: u16 = 0x0800;
const STATUS: u16 = 0x0900;
const ERROR_ID: u16 = 0x0903;
const AFFECTED_SOP_INSTANCE: u16 = 0x1000;
const REQUESTED_SOP_INSTANCE: u16 = 0x1001;
const EVENT_TYPE: u16 = 0x1002;
const ACTION_TYPE: u16 = 0x1008;
const REMAINING_SUB_OPERATIONS: u16 = 0x1020;
const COMPLETED_SUB_OPERATIONS: u16 = 0x1021;
const FAILED_SUB_OPERATIONS: u16 = 0x1022;
const WARNING_SUB_OPERATIONS: u16 = 0x1023;
const MOVE_ORIGINATOR: u16 = 0x1030;

/// A command set that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedCommand;

/// The elements of a command by their number in group 0000.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command(BTreeMap<u16, Vec<u8>>);

impl Command {
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, MalformedCommand> {
        let mut elements = BTreeMap::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<8>().ok_or(MalformedCommand)?;
            let [group_low, group_high, low, high, a, b, c, d] = *head;
            let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| MalformedCommand)?;
            if [group_low, group_high] != [0, 0] {
                return Err(MalformedCommand);
            }
            let (value, rest) = rest.split_at_checked(length).ok_or(MalformedCommand)?;
            elements.insert(u16::from_le_bytes([low, high]), value.to_vec());
            bytes = rest;
        }
        Ok(Self(elements))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (element, value) in self.0.iter().filter(|(element, _)| **element != 0) {
            write_element(&mut body, *element, value);
        }
        let mut bytes = Vec::new();
        write_element(&mut bytes, 0, &(body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    pub(crate) fn field(&self) -> Option<u16> {
        self.number(COMMAND_FIELD)
    }

    pub(crate) fn message_id(&self) -> Option<u16> {
        self.number(MESSAGE_ID)
    }

    pub(crate) fn responds_to(&self, message_id: u16) -> bool {
        self.number(MESSAGE_ID_RESPONDED_TO) == Some(message_id)
    }

    pub(crate) fn has_data_set(&self) -> bool {
        self.number(DATA_SET_TYPE) != Some(NO_DATA_SET)
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.number(STATUS).map(Status)
    }

    pub(crate) fn sop_class(&self) -> Option<String> {
        self.text(AFFECTED_SOP_CLASS)
    }

    pub(crate) fn sop_instance(&self) -> Option<String> {
        self.text(AFFECTED_SOP_INSTANCE)
    }

    /// Of a request about an instance that is here.
    pub(crate) fn requested_sop_class(&self) -> Option<String> {
        self.text(REQUESTED_SOP_CLASS)
    }

    pub(crate) fn requested_sop_instance(&self) -> Option<String> {
        self.text(REQUESTED_SOP_INSTANCE)
    }

    pub(crate) fn action_type(&self) -> Option<u16> {
        self.number(ACTION_TYPE)
    }

    /// Who asked for what a C-STORE brings.
    pub(crate) fn move_originator(&self) -> Option<String> {
        self.text(MOVE_ORIGINATOR)
    }

    /// Remaining, completed, failed, and completed with a warning; None where the peer does not say.
    pub(crate) fn sub_operations(&self) -> [Option<u16>; 4] {
        [
            REMAINING_SUB_OPERATIONS,
            COMPLETED_SUB_OPERATIONS,
            FAILED_SUB_OPERATIONS,
            WARNING_SUB_OPERATIONS,
        ]
        .map(|element| self.number(element))
    }

    /// Whether it answers a request.
    pub(crate) fn is_response(&self) -> bool {
        self.field().is_some_and(|field| field & RESPONSE != 0)
    }

    pub(crate) fn echo_request(message_id: u16) -> Self {
        Self::default()
            .with_text(AFFECTED_SOP_CLASS, dicom_dictionary_std::uids::VERIFICATION)
            .with(COMMAND_FIELD, C_ECHO_RQ)
            .with(MESSAGE_ID, message_id)
            .with(DATA_SET_TYPE, NO_DATA_SET)
    }

    /// C-FIND, C-GET, or C-MOVE where there is a destination; an identifier follows.
    pub(crate) fn query_request(
        field: u16,
        message_id: u16,
        sop_class: &str,
        destination: Option<&str>,
    ) -> Self {
        let request = Self::default()
            .with_text(AFFECTED_SOP_CLASS, sop_class)
            .with(COMMAND_FIELD, field)
            .with(MESSAGE_ID, message_id)
            .with(PRIORITY, 0)
            .with(DATA_SET_TYPE, DATA_SET);
        match destination {
            Some(title) => request.with_title(MOVE_DESTINATION, title),
            None => request,
        }
    }

    /// Asks the peer to answer that request no further.
    pub(crate) fn cancel_request(message_id: u16) -> Self {
        Self::default()
            .with(COMMAND_FIELD, C_CANCEL_RQ)
            .with(MESSAGE_ID_RESPONDED_TO, message_id)
            .with(DATA_SET_TYPE, NO_DATA_SET)
    }

    pub(crate) fn store_request(message_id: u16, sop_class: &str, sop_instance: &str) -> Self {
        Self::default()
            .with_text(AFFECTED_SOP_CLASS, sop_class)
            .with(COMMAND_FIELD, C_STORE_RQ)
            .with(MESSAGE_ID, message_id)
            .with(PRIORITY, 0)
            .with(DATA_SET_TYPE, DATA_SET)
            .with_text(AFFECTED_SOP_INSTANCE, sop_instance)
    }

    /// About an instance that the peer has, with a data set.
    pub(crate) fn action(message_id: u16, sop_class: &str, sop_instance: &str, action_type: u16) -> Self {
        Self::default()
            .with_text(REQUESTED_SOP_CLASS, sop_class)
            .with(COMMAND_FIELD, N_ACTION_RQ)
            .with(MESSAGE_ID, message_id)
            .with(DATA_SET_TYPE, DATA_SET)
            .with_text(REQUESTED_SOP_INSTANCE, sop_instance)
            .with(ACTION_TYPE, action_type)
    }

    pub(crate) fn event_report(
        message_id: u16,
        sop_class: &str,
        sop_instance: &str,
        event_type: u16,
    ) -> Self {
        Self::default()
            .with_text(AFFECTED_SOP_CLASS, sop_class)
            .with(COMMAND_FIELD, N_EVENT_REPORT_RQ)
            .with(MESSAGE_ID, message_id)
            .with(DATA_SET_TYPE, DATA_SET)
            .with_text(AFFECTED_SOP_INSTANCE, sop_instance)
            .with(EVENT_TYPE, event_type)
    }

    /// The response to this request.
    pub(crate) fn response(&self, status: Status) -> Self {
        let mut response = Self::default()
            .with(COMMAND_FIELD, self.field().unwrap_or_default() | RESPONSE)
            .with(MESSAGE_ID_RESPONDED_TO, self.message_id().unwrap_or_default())
            .with(DATA_SET_TYPE, NO_DATA_SET)
            .with(STATUS, status.0);
        // An instance that a request is about is the one that its response is about.
        for (of_request, element) in [
            (REQUESTED_SOP_CLASS, AFFECTED_SOP_CLASS),
            (REQUESTED_SOP_INSTANCE, AFFECTED_SOP_INSTANCE),
            (AFFECTED_SOP_CLASS, AFFECTED_SOP_CLASS),
            (AFFECTED_SOP_INSTANCE, AFFECTED_SOP_INSTANCE),
            (ACTION_TYPE, ACTION_TYPE),
            (EVENT_TYPE, EVENT_TYPE),
        ] {
            // A name that is none is not said again: its sender could not read the response.
            if let Some(value) = self.0.get(&of_request).filter(|value| value.len() <= LONGEST_UID) {
                response.0.insert(element, value.clone());
            }
        }
        response
    }

    /// Says more of why a request failed.
    pub(crate) fn with_error_id(self, id: u16) -> Self {
        self.with(ERROR_ID, id)
    }

    fn number(&self, element: u16) -> Option<u16> {
        let value: [u8; 2] = self.0.get(&element)?.as_slice().try_into().ok()?;
        Some(u16::from_le_bytes(value))
    }

    /// Without what pads it to an even length.
    fn text(&self, element: u16) -> Option<String> {
        let value = std::str::from_utf8(self.0.get(&element)?).ok()?;
        Some(value.trim_matches(['\0', ' ']).to_owned()).filter(|text| !text.is_empty())
    }

    fn with(mut self, element: u16, value: u16) -> Self {
        self.0.insert(element, value.to_le_bytes().to_vec());
        self
    }

    /// Padded with a blank, as VR AE is.
    fn with_title(mut self, element: u16, title: &str) -> Self {
        let mut value = title.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(b' ');
        }
        self.0.insert(element, value);
        self
    }

    fn with_text(mut self, element: u16, text: &str) -> Self {
        let mut value = text.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.0.insert(element, value);
        self
    }
}

fn write_element(bytes: &mut Vec<u8>, element: u16, value: &[u8]) {
    bytes.extend([0, 0]);
    bytes.extend(element.to_le_bytes());
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let request = Command::store_request(7, "1.2.3", "1.2.3.4");
        let bytes = request.encode();
        assert_eq!(
            u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize,
            bytes.len() - 12
        );
        let read = Command::parse(&bytes).unwrap();
        assert_eq!(read.field(), Some(C_STORE_RQ));
        assert_eq!(read.message_id(), Some(7));
        assert!(read.has_data_set());
        assert_eq!(read.sop_class().as_deref(), Some("1.2.3"));
        let response = read.response(Status::OUT_OF_RESOURCES);
        assert_eq!(response.field(), Some(C_STORE_RSP));
        assert!(response.responds_to(7) && !response.has_data_set());
        assert_eq!(response.status(), Some(Status::OUT_OF_RESOURCES));
        assert_eq!(response.sop_instance().as_deref(), Some("1.2.3.4"));
        let nameless =
            Command::store_request(7, "1.2.3", &"1.".repeat(33)).response(Status::CANNOT_UNDERSTAND);
        assert_eq!(nameless.sop_instance(), None, "nobody could read that");
        assert_eq!(nameless.sop_class().as_deref(), Some("1.2.3"));
    }

    #[test]
    fn what_reaches_past_its_end_is_refused() {
        for bytes in [
            vec![0; 7],
            vec![8, 0, 0, 1, 0, 0, 0, 0],
            vec![0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] {
            assert_eq!(Command::parse(&bytes), Err(MalformedCommand));
        }
    }
}
