//! An archive that answers as a test wants it to: what is asked of it is read, and answered with whatever bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use norma_dicom_network::{FindLimits, RetrieveLimits, ScuOptions, StudyKeys, StudyToRetrieve};
use norma_domain::StudyInstanceUid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(crate) const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
pub(crate) const PATIENT_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.1.1";
pub(crate) const STUDY_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
pub(crate) const STUDY_ROOT_GET: &str = "1.2.840.10008.5.1.4.1.2.2.3";
const IMPLICIT: &[u8] = b"1.2.840.10008.1.2";

/// What is read of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Context, and the elements of group 0000 by their numbers.
    Command(u8, Vec<(u16, Vec<u8>)>),
    Data(u8, Vec<u8>),
    Release,
    Abort,
    Closed,
}

impl Heard {
    pub(crate) fn number(&self, wanted: u16) -> Option<u16> {
        let Self::Command(_, elements) = self else {
            return None;
        };
        let (_, value) = elements.iter().find(|(element, _)| *element == wanted)?;
        Some(u16::from_le_bytes([value[0], value[1]]))
    }
}

/// An association from the side of the archive.
pub(crate) struct Talk {
    stream: TcpStream,
    /// Identifiers by their abstract syntaxes, of those that were accepted.
    pub(crate) contexts: Vec<(u8, String)>,
}

/// An archive that talks to each caller as it is told; what it saw of each is kept.
pub(crate) struct Archive {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Vec<Heard>>>,
}

impl Archive {
    /// Accepts contexts of these classes alone, each in implicit VR little endian.
    pub(crate) async fn start<F>(
        classes: &'static [&'static str],
        talk: impl Fn(Talk, Ear) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Ear(Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talking = Talk::accept(stream, classes).await;
                tokio::spawn(talk(talking, ear.clone()));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn scu(&self) -> ScuOptions {
        ScuOptions {
            tls: None,
            address: self.address.to_string(),
            called: "ARCHIVE".parse().unwrap(),
            calling: "NORMA".parse().unwrap(),
            max_pdu_length: 16384,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(20),
        }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// Where what is heard is kept.
#[derive(Clone)]
pub(crate) struct Ear(Arc<Mutex<Vec<Heard>>>);

impl Talk {
    async fn accept(mut stream: TcpStream, classes: &[&str]) -> Self {
        let (kind, body) = read_pdu(&mut stream).await.unwrap();
        assert_eq!(kind, 1);
        let mut contexts = Vec::new();
        let mut answers = item(0x10, b"1.2.840.10008.3.1.1.1");
        for (kind, value) in items(&body[68..]) {
            if kind != 0x20 {
                continue;
            }
            let id = value[0];
            let subs = items(&value[4..]);
            let class = String::from_utf8(subs[0].1.clone()).unwrap();
            let proposes = subs[1..].iter().any(|(_, syntax)| syntax == IMPLICIT);
            let is_taken = proposes && classes.contains(&class.as_str());
            let mut result = vec![id, 0, if is_taken { 0 } else { 3 }, 0];
            result.extend(item(0x40, IMPLICIT));
            answers.extend(item(0x21, &result));
            if is_taken {
                contexts.push((id, class));
            }
        }
        answers.extend(item(0x50, &item(0x51, &16384_u32.to_be_bytes())));
        let body = [&body[..68], &answers].concat();
        write_pdu(&mut stream, 2, &body).await;
        Self { stream, contexts }
    }

    pub(crate) fn context(&self, class: &str) -> u8 {
        self.contexts.iter().find(|(_, known)| known == class).unwrap().0
    }

    /// The next message part, which `ear` keeps.
    pub(crate) async fn hear(&mut self, ear: &Ear) -> Heard {
        let mut whole: Option<(u8, u8, Vec<u8>)> = None;
        let heard = loop {
            let Some((kind, body)) = read_pdu(&mut self.stream).await else {
                break Heard::Closed;
            };
            match kind {
                4 => {
                    // One fragment a PDU, as this crate sends them.
                    let (context, control, data) = (body[4], body[5], &body[6..]);
                    let (_, _, bytes) = whole.get_or_insert((context, control & 1, Vec::new()));
                    bytes.extend(data);
                    if control & 2 == 0 {
                        continue;
                    }
                    let (context, is_command, bytes) = whole.take().unwrap();
                    break match is_command {
                        1 => Heard::Command(context, elements(&bytes)),
                        _ => Heard::Data(context, bytes),
                    };
                }
                5 => break Heard::Release,
                7 => break Heard::Abort,
                other => panic!("PDU {other}"),
            }
        };
        ear.0.lock().unwrap().push(heard.clone());
        heard
    }

    /// A request with its identifier: the context, the message ID.
    pub(crate) async fn request(&mut self, ear: &Ear) -> (u8, u16) {
        let command = self.hear(ear).await;
        let Heard::Command(context, _) = command else {
            panic!("{command:?}")
        };
        let message_id = command.number(0x0110).unwrap();
        assert!(matches!(self.hear(ear).await, Heard::Data(..)));
        (context, message_id)
    }

    pub(crate) async fn command(&mut self, context: u8, elements: &[(u16, Vec<u8>)]) {
        let body: Vec<u8> = elements
            .iter()
            .flat_map(|(number, value)| element((0, *number), value))
            .collect();
        let bytes = [element((0, 0), &(body.len() as u32).to_le_bytes()), body].concat();
        self.fragment(context, 3, &bytes).await;
    }

    pub(crate) async fn data(&mut self, context: u8, bytes: &[u8]) {
        self.fragment(context, 2, bytes).await;
    }

    /// A part of a data set.
    pub(crate) async fn part(&mut self, context: u8, is_last: bool, bytes: &[u8]) {
        self.fragment(context, if is_last { 2 } else { 0 }, bytes).await;
    }

    async fn fragment(&mut self, context: u8, control: u8, bytes: &[u8]) {
        let length = (bytes.len() as u32 + 2).to_be_bytes();
        let body = [length.as_slice(), &[context, control], bytes].concat();
        write_pdu(&mut self.stream, 4, &body).await;
    }

    /// A response to a query or a retrieval; `counts`: remaining, completed, failed, warning.
    pub(crate) async fn respond(
        &mut self,
        context: u8,
        field: u16,
        message_id: u16,
        status: u16,
        data_set: Option<&[u8]>,
        counts: Option<[u16; 4]>,
    ) {
        let has_data = if data_set.is_some() { 1_u16 } else { 0x0101 };
        let mut elements = vec![
            (0x0100, field.to_le_bytes().to_vec()),
            (0x0120, message_id.to_le_bytes().to_vec()),
            (0x0800, has_data.to_le_bytes().to_vec()),
            (0x0900, status.to_le_bytes().to_vec()),
        ];
        for (number, count) in (0x1020..).zip(counts.into_iter().flatten()) {
            elements.push((number, count.to_le_bytes().to_vec()));
        }
        self.command(context, &elements).await;
        if let Some(data_set) = data_set {
            self.data(context, data_set).await;
        }
    }

    /// Hears the end: a release, which is answered, or an abort.
    pub(crate) async fn end(&mut self, ear: &Ear) {
        if self.hear(ear).await == Heard::Release {
            write_pdu(&mut self.stream, 6, &[0; 4]).await;
        }
    }
}

async fn read_pdu(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 6];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes(head[2..].try_into().unwrap());
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.ok()?;
    Some((head[0], body))
}

async fn write_pdu(stream: &mut TcpStream, kind: u8, body: &[u8]) {
    let head = [&[kind, 0], (body.len() as u32).to_be_bytes().as_slice()].concat();
    // The caller may have left.
    let _ = stream.write_all(&[head.as_slice(), body].concat()).await;
}

fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind, 0], length.as_slice(), value].concat()
}

fn items(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let (value, rest) = rest.split_at(u16::from_be_bytes([head[2], head[3]]).into());
        found.push((head[0], value.to_vec()));
        bytes = rest;
    }
    found
}

/// Implicit VR little endian.
pub(crate) fn element(tag: (u16, u16), value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if tag == (0x0020, 0x000D) { 0 } else { b' ' });
    }
    let mut bytes = tag.0.to_le_bytes().to_vec();
    bytes.extend(tag.1.to_le_bytes());
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value);
    bytes
}

fn elements(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let length = u32::from_le_bytes(head[4..].try_into().unwrap()) as usize;
        let (value, rest) = rest.split_at(length);
        found.push((u16::from_le_bytes([head[2], head[3]]), value.to_vec()));
        bytes = rest;
    }
    found
}

/// An answer of a study of this patient.
pub(crate) fn study_of(patient_id: &str, uid: &str) -> Vec<u8> {
    [
        element((0x0008, 0x0020), b"20250102"),
        element((0x0008, 0x0052), b"STUDY"),
        element((0x0008, 0x0061), b"CT"),
        element((0x0010, 0x0020), patient_id.as_bytes()),
        element((0x0020, 0x000D), uid.as_bytes()),
    ]
    .concat()
}

pub(crate) fn patient(patient_id: &str) -> StudyKeys {
    StudyKeys {
        patient_id: Some(patient_id.to_owned()),
        ..StudyKeys::default()
    }
}

pub(crate) fn find_limits(answers: usize) -> FindLimits {
    FindLimits {
        answers,
        longest: Duration::from_secs(20),
    }
}

pub(crate) fn retrieve_limits() -> RetrieveLimits {
    RetrieveLimits {
        silence: Duration::from_secs(20),
        longest: Duration::from_secs(20),
        instances: 1000,
        stop: CancellationToken::new(),
    }
}

pub(crate) fn wanted() -> StudyToRetrieve {
    StudyToRetrieve {
        study_instance_uid: StudyInstanceUid::new("1.2.3").unwrap(),
        patient_id: "P-17".to_owned(),
    }
}
