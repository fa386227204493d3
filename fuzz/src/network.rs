//! Target: what a peer sends over the network to the DICOM node, from the PDUs to the messages in them.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dicom_dictionary_std::uids;
use norma_dicom_network::{
    AeTitle, AssociationId, CommitmentOutcome, CommitmentProvider, CommitmentReport, CommitmentRequest,
    HeldReport, InstanceSink, OutcomeListener, ReceivedInstance, Scp, ScpLimits, ScpOptions, ScpTimeouts,
    Status, StorageClasses, StorageSupport, StoreFailure,
};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a data set that are taken.
const INSTANCE_BYTES: u64 = 4096;
const MAX_PDU_LENGTH: u32 = 4096;
/// The node's answers to an input are shorter than so many times the input, and this.
const ANSWER_TIMES: usize = 64;
const ANSWER_BYTES: usize = 16 << 10;

/// How an input becomes what the peer sends; its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As it is.
    Plain,
    /// After an association request that is accepted.
    Associated,
    /// After such a request, cut into PDUs whose lengths are right: a byte for the type, a byte for the length, the body.
    Pdus,
    /// After such a request, as fragments of messages: a byte for the context, one for the control header, one for the length, the
    /// value.
    Fragments,
}

impl Framing {
    const ALL: [Self; 4] = [Self::Plain, Self::Associated, Self::Pdus, Self::Fragments];

    /// An input whose `content` is framed so.
    pub fn input(self, content: &[u8]) -> Vec<u8> {
        let kind = Self::ALL.iter().position(|known| *known == self).unwrap_or(0);
        let mut input = vec![u8::try_from(kind).unwrap_or(0)];
        input.extend_from_slice(content);
        input
    }
}

/// What the peer sends.
pub fn sent_by(input: &[u8]) -> Vec<u8> {
    let Some((kind, content)) = input.split_first() else {
        return Vec::new();
    };
    let framing = Framing::ALL[usize::from(*kind) % Framing::ALL.len()];
    if framing == Framing::Plain {
        return content.to_vec();
    }
    let mut sent = association_request();
    let mut rest = content;
    match framing {
        Framing::Plain | Framing::Associated => sent.extend_from_slice(content),
        Framing::Pdus => {
            while let Some((&[kind, length], after)) = rest.split_first_chunk() {
                let (body, after) = after.split_at(usize::from(length).min(after.len()));
                sent.extend(pdu(kind, body));
                rest = after;
            }
        }
        Framing::Fragments => {
            while let Some((&[context, control, length], after)) = rest.split_first_chunk() {
                let (value, after) = after.split_at(usize::from(length).min(after.len()));
                let mut item = u32::try_from(value.len() + 2).unwrap_or(0).to_be_bytes().to_vec();
                item.extend([context, control]);
                item.extend_from_slice(value);
                sent.extend(pdu(4, &item));
                rest = after;
            }
            sent.extend(pdu(5, &[0; 4]));
        }
    }
    sent
}

/// A PDU of the type `kind`.
pub fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Contexts of association requests: Verification, CT and Storage Commitment.
pub const CONTEXTS: [(u8, &str); 3] = [
    (1, uids::VERIFICATION),
    (3, uids::CT_IMAGE_STORAGE),
    (5, uids::STORAGE_COMMITMENT_PUSH_MODEL),
];

/// An A-ASSOCIATE-RQ for [`CONTEXTS`] in Implicit VR Little Endian.
pub fn association_request() -> Vec<u8> {
    let item = |kind: u8, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap_or(0);
        [&[kind, 0], length.to_be_bytes().as_slice(), value].concat()
    };
    let mut body = vec![0, 1, 0, 0];
    body.extend_from_slice(b"NORMA           FUZZ            ");
    body.extend([0; 32]);
    body.extend(item(0x10, b"1.2.840.10008.3.1.1.1"));
    for (id, class) in CONTEXTS {
        let context = [
            vec![id, 0, 0, 0],
            item(0x30, class.as_bytes()),
            item(0x40, uids::IMPLICIT_VR_LITTLE_ENDIAN.as_bytes()),
        ];
        body.extend(item(0x20, &context.concat()));
    }
    let user = [
        item(0x51, &16384_u32.to_be_bytes()),
        item(0x52, b"1.2.3"),
        item(0x54, b"\0\x141.2.840.10008.1.20.1\x01\0"),
        item(0x55, b"FUZZ"),
    ];
    body.extend(item(0x50, &user.concat()));
    pdu(1, &body)
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// An association was accepted.
    pub is_accepted: bool,
    pub stored: usize,
    /// Requests for storage commitment that were taken.
    pub requested: usize,
    /// Reports of storage commitment that were taken.
    pub told: usize,
}

/// The peer: what it sends is there at once, and it ends after it.
struct Peer {
    sent: io::Cursor<Vec<u8>>,
    answers: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.sent).poll_read(context, buffer)
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Ok(mut answers) = self.answers.lock() {
            answers.extend_from_slice(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Takes everything, and holds it to the rules.
#[derive(Default)]
struct Taken {
    stored: AtomicUsize,
    requested: AtomicUsize,
    told: AtomicUsize,
}

#[async_trait]
impl InstanceSink for Taken {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        let file = std::fs::read(&instance.file).expect("what is received lies on the disk");
        let head = file.len() as u64 - instance.size_bytes;
        assert!(instance.size_bytes <= INSTANCE_BYTES, "longer than allowed");
        assert!((132..1024).contains(&head), "a head of {head} bytes");
        assert_eq!(file.get(128..132), Some(&b"DICM"[..]));
        assert_eq!(instance.sop_class_uid, uids::CT_IMAGE_STORAGE);
        check_uid(&instance.sop_instance_uid);
        self.stored.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl CommitmentProvider for Taken {
    fn serves(&self, _calling: &AeTitle) -> bool {
        true
    }

    async fn take(
        &self,
        request: CommitmentRequest,
        _calling: &AeTitle,
        _association: AssociationId,
    ) -> Result<HeldReport, Status> {
        check_uid(&request.transaction_uid);
        assert!(!request.instances.is_empty(), "a request of nothing");
        for reference in &request.instances {
            check_uid(&reference.class_uid);
            check_uid(&reference.instance_uid);
        }
        self.requested.fetch_add(1, Ordering::Relaxed);
        let report = CommitmentReport {
            transaction_uid: request.transaction_uid,
            committed: request.instances,
            failed: Vec::new(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        Ok(HeldReport { report, until })
    }

    async fn reported(&self, _association: AssociationId, _transaction_uid: &str) {}

    async fn association_ended(&self, _association: AssociationId) {}
}

#[async_trait]
impl OutcomeListener for Taken {
    fn expects(&self, _calling: &AeTitle) -> bool {
        true
    }

    async fn told(&self, outcome: CommitmentOutcome, _calling: &AeTitle) -> Result<(), Status> {
        check_uid(&outcome.transaction_uid);
        let failed = outcome.failed.iter().map(|(reference, _)| reference);
        for reference in outcome.committed.iter().chain(failed) {
            check_uid(&reference.class_uid);
            check_uid(&reference.instance_uid);
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// It names files: one component, and no more than a UID's length.
fn check_uid(uid: &str) {
    let is_plain = uid
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "._:-~{}".contains(character));
    assert!(is_plain && (1..=64).contains(&uid.len()), "{uid:?} names no file");
    assert!(!uid.starts_with('.'), "{uid:?} is hidden, or names a folder");
}

thread_local! {
    static RUNTIME: RefCell<(tokio::runtime::Runtime, TempDir)> = RefCell::new(make_runtime());
}

fn make_runtime() -> (tokio::runtime::Runtime, TempDir) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build();
    (
        runtime.expect("a runtime can be made"),
        folder.expect("a scratch folder can be made"),
    )
}

/// Serves the peer that `input` stands for.
///
/// # Panics
/// Where the code under test breaks its rules.
pub fn run(input: &[u8]) -> Outcome {
    RUNTIME.with_borrow(|(runtime, folder)| {
        let outcome = runtime.block_on(serve(input, folder.path()));
        let left = std::fs::read_dir(folder.path())
            .expect("the folder is there")
            .count();
        assert_eq!(left, 0, "files of what did not come whole stay");
        outcome
    })
}

async fn serve(input: &[u8], folder: &Path) -> Outcome {
    let taken = Arc::new(Taken::default());
    let options = ScpOptions {
        ae_title: "NORMA".parse().expect("a title"),
        peers: vec!["*".parse().expect("everybody")],
        support: StorageSupport::only(
            StorageClasses::Ct,
            &[uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN],
        ),
        limits: ScpLimits {
            associations: 1,
            max_pdu_length: MAX_PDU_LENGTH,
            instance_bytes: INSTANCE_BYTES,
            free_floor_bytes: 0,
        },
        timeouts: ScpTimeouts::default(),
        tls: None,
        folder: folder.to_owned(),
    };
    let scp = Scp::new(options, Arc::clone(&taken) as Arc<dyn InstanceSink>)
        .with_commitment(Arc::clone(&taken) as Arc<dyn CommitmentProvider>)
        .with_outcomes(Arc::clone(&taken) as Arc<dyn OutcomeListener>);
    let sent = sent_by(input);
    let most = sent.len() * ANSWER_TIMES + ANSWER_BYTES;
    let answers = Arc::new(Mutex::new(Vec::new()));
    let peer = Peer {
        sent: io::Cursor::new(sent),
        answers: Arc::clone(&answers),
    };
    scp.serve_stream(peer, IpAddr::V4(Ipv4Addr::LOCALHOST)).await;
    let answers = answers.lock().map(|answers| answers.clone()).unwrap_or_default();
    assert!(answers.len() <= most, "{} bytes are answered", answers.len());
    Outcome {
        is_accepted: check_answers(&answers),
        stored: taken.stored.load(Ordering::Relaxed),
        requested: taken.requested.load(Ordering::Relaxed),
        told: taken.told.load(Ordering::Relaxed),
    }
}

/// Whole PDUs, of types that a node sends. Whether the association was accepted.
fn check_answers(mut answers: &[u8]) -> bool {
    let mut is_accepted = false;
    while !answers.is_empty() {
        let (head, rest) = answers.split_first_chunk::<6>().expect("the head of a PDU");
        let [kind, _, a, b, c, d] = *head;
        assert!(
            [2, 3, 4, 6, 7].contains(&kind),
            "a PDU of type {kind} is answered"
        );
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        answers = rest.get(length..).expect("a whole PDU");
        is_accepted |= kind == 2;
    }
    is_accepted
}
