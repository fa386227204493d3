//! Studies are had from an archive (PS3.4 sections C.4.2 and C.4.3): by C-MOVE, which has it send them to a node, and by C-GET,
//! which has it send them over the association that asks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dicom_dictionary_std::uids;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::ae_title::AeTitle;
use crate::association::Incoming;
use crate::command::{C_GET_RQ, C_GET_RSP, C_MOVE_RQ, C_MOVE_RSP, C_STORE_RQ, Command};
use crate::error::NetworkError;
use crate::incoming::IncomingInstances;
use crate::negotiation::{CT_STORAGE_CLASSES, MESSAGE_TRANSFER_SYNTAXES};
use crate::query::{QueryModel, Retrieve, StudyToRetrieve};
use crate::receiving::InstanceLimits;
use crate::scu::{Proposal, Scu, ScuOptions};
use crate::sink::{AssociationId, InstanceSink};
use crate::status::Status;

/// Bytes of the list of those that failed.
const RESPONSE_BYTES: usize = 4 << 20;
/// After it was told that no more is wanted, a peer may send so many more messages…
const MESSAGES_UNDER_WAY: usize = 1000;
/// …and take so long.
const CANCEL_WAIT: Duration = Duration::from_secs(10);
/// Every peer has images in one of these; each of the others is proposed apart, so that a peer that cannot convert may choose.
const NATIVE: [&str; 4] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
];
/// What else lies in studies of the chest. With those of CT they fit into the contexts of one association.
const OTHER_CLASSES: [&str; 28] = [
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_WORD_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::BASIC_TEXT_SR_STORAGE,
    uids::ENHANCED_SR_STORAGE,
    uids::COMPREHENSIVE_SR_STORAGE,
    uids::COMPREHENSIVE3_DSR_STORAGE,
    uids::CHEST_CADSR_STORAGE,
    uids::X_RAY_RADIATION_DOSE_SR_STORAGE,
    uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE,
    uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
    uids::COLOR_SOFTCOPY_PRESENTATION_STATE_STORAGE,
    uids::SEGMENTATION_STORAGE,
    uids::PARAMETRIC_MAP_STORAGE,
    uids::SPATIAL_REGISTRATION_STORAGE,
    uids::ENCAPSULATED_PDF_STORAGE,
    uids::RAW_DATA_STORAGE,
    uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
    uids::NUCLEAR_MEDICINE_IMAGE_STORAGE,
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::MR_IMAGE_STORAGE,
    uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
    uids::RT_STRUCTURE_SET_STORAGE,
    uids::RT_DOSE_STORAGE,
    uids::RT_PLAN_STORAGE,
    uids::RT_IMAGE_STORAGE,
];

/// What ends a retrieval from this side.
#[derive(Debug, Clone)]
pub struct RetrieveLimits {
    /// How long the peer may say nothing; many say nothing until all is sent.
    pub silence: Duration,
    /// Of the retrieval as a whole.
    pub longest: Duration,
    /// Of one study.
    pub instances: u32,
    pub stop: CancellationToken,
}

/// Where the instances of a C-GET go.
pub struct Keeping<'a> {
    /// Where they are written while they come.
    pub folder: &'a Path,
    /// Bytes of one data set.
    pub instance_bytes: u64,
    /// Bytes that stay free on the disk of the folder.
    pub free_floor_bytes: u64,
    pub sink: Arc<dyn InstanceSink>,
    pub transfer_syntaxes: &'a [&'a str],
}

/// What a peer says of the instances of a retrieval (PS3.7 section 9.1.4); the last it said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubOperations {
    pub remaining: u32,
    pub completed: u32,
    pub failed: u32,
    pub warning: u32,
}

impl SubOperations {
    fn note(&mut self, response: &Command) {
        let counts = [
            &mut self.remaining,
            &mut self.completed,
            &mut self.failed,
            &mut self.warning,
        ];
        for (count, said) in counts.into_iter().zip(response.sub_operations()) {
            if let Some(said) = said {
                *count = said.into();
            }
        }
    }

    fn sum(self) -> u32 {
        self.remaining + self.completed + self.failed + self.warning
    }
}

/// How a retrieval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetrievalEnd {
    /// The peer has done what it was asked for, as it says: success, or a warning (B000) where instances failed.
    Done,
    /// Stopped from here: [`RetrieveLimits::stop`].
    Stopped,
    /// More than [`RetrieveLimits::instances`].
    TooMany,
    /// Longer than [`RetrieveLimits::longest`].
    TooLong,
}

/// What came of a retrieval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retrieval {
    pub end: RetrievalEnd,
    /// The peer's last word.
    pub status: Status,
    pub sub_operations: SubOperations,
}

/// Has an archive send a study to a node, whose title it has to know.
///
/// # Errors
/// Where the peer cannot be reached, does not move studies, or ends with anything but success or a warning.
pub async fn move_study(
    options: &ScuOptions,
    study: &StudyToRetrieve,
    destination: &AeTitle,
    limits: &RetrieveLimits,
) -> Result<Retrieval, NetworkError> {
    let wanted = proposals(Retrieve::Move).collect();
    let scu = Scu::associate(options, wanted).await?;
    retrieve(scu, study, Asked::Move(destination), limits).await
}

/// Has an archive send a study over the association that asks for it.
///
/// # Errors
/// As [`move_study`].
pub async fn get_study(
    options: &ScuOptions,
    study: &StudyToRetrieve,
    keeping: &Keeping<'_>,
    limits: &RetrieveLimits,
) -> Result<Retrieval, NetworkError> {
    let wanted = proposals(Retrieve::Get).chain(storage_proposals(keeping.transfer_syntaxes));
    let scu = Scu::associate(options, wanted.collect()).await?;
    let association = AssociationId::next();
    let incoming = IncomingInstances {
        folder: keeping.folder,
        limits: InstanceLimits {
            instance_bytes: keeping.instance_bytes,
            free_floor_bytes: keeping.free_floor_bytes,
        },
        calling: &options.called,
        address: None,
        association,
    };
    let ended = retrieve(scu, study, Asked::Get(&incoming, &*keeping.sink), limits).await;
    keeping.sink.association_ended(association);
    ended
}

/// How a study is asked for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Move(&'a AeTitle),
    Get(&'a IncomingInstances<'a>, &'a dyn InstanceSink),
}

impl Asked<'_> {
    fn retrieve(self) -> Retrieve {
        match self {
            Self::Move(_) => Retrieve::Move,
            Self::Get(..) => Retrieve::Get,
        }
    }
}

fn proposals(retrieve: Retrieve) -> impl Iterator<Item = Proposal> {
    QueryModel::ALL
        .into_iter()
        .map(move |model| Proposal::new(model.retrieve(retrieve), &MESSAGE_TRANSFER_SYNTAXES))
}

fn storage_proposals(transfer_syntaxes: &[&str]) -> impl Iterator<Item = Proposal> {
    let (native, others): (Vec<&str>, Vec<&str>) =
        transfer_syntaxes.iter().partition(|uid| NATIVE.contains(*uid));
    let of_ct = {
        let (native, others) = (native.clone(), others.clone());
        CT_STORAGE_CLASSES.into_iter().flat_map(move |class| {
            let apart: Vec<Proposal> = others.iter().map(|uid| Proposal::new(class, &[*uid])).collect();
            std::iter::once(Proposal::new(class, &native)).chain(apart)
        })
    };
    let of_others = OTHER_CLASSES
        .into_iter()
        .flat_map(move |class| [Proposal::new(class, &native), Proposal::new(class, &others)]);
    of_ct
        .chain(of_others)
        .filter(|proposal| !proposal.transfer_syntaxes.is_empty())
        .map(Proposal::provided)
}

/// Asks and ends the association.
async fn retrieve(
    mut scu: Scu,
    study: &StudyToRetrieve,
    asked: Asked<'_>,
    limits: &RetrieveLimits,
) -> Result<Retrieval, NetworkError> {
    match ask(&mut scu, study, asked, limits).await {
        Ok((retrieval, is_ended)) => {
            if is_ended {
                // What it has sent, it has sent.
                let _ = scu.release().await;
            } else {
                scu.abort(&NetworkError::Timeout).await;
            }
            Ok(retrieval)
        }
        Err(error @ (NetworkError::Status(_) | NetworkError::NotAccepted { .. })) => {
            let _ = scu.release().await;
            Err(error)
        }
        Err(error) => {
            scu.abort(&error).await;
            Err(error)
        }
    }
}

/// What came of it, and whether the peer has said its last word.
async fn ask(
    scu: &mut Scu,
    study: &StudyToRetrieve,
    asked: Asked<'_>,
    limits: &RetrieveLimits,
) -> Result<(Retrieval, bool), NetworkError> {
    let deadline = Instant::now() + limits.longest;
    let retrieve = asked.retrieve();
    let found = QueryModel::ALL.into_iter().find_map(|model| {
        let (context, is_explicit) = scu.message_context(model.retrieve(retrieve))?;
        let is_of_use = model == QueryModel::StudyRoot || !study.patient_id.is_empty();
        is_of_use.then_some((model, context, is_explicit))
    });
    let (model, context, is_explicit) = found.ok_or_else(|| NetworkError::NotAccepted {
        sop_class: QueryModel::StudyRoot.retrieve(retrieve).to_owned(),
    })?;
    let message_id = scu.next_message_id();
    let (field, destination) = match asked {
        Asked::Move(destination) => (C_MOVE_RQ, Some(destination.as_str())),
        Asked::Get(..) => (C_GET_RQ, None),
    };
    let request = Command::query_request(field, message_id, model.retrieve(retrieve), destination);
    scu.association.send_command(context, &request).await?;
    let identifier = study.encode(model, is_explicit);
    scu.association.send_data(context, &identifier).await?;
    scu.association.stream.set_patience(limits.silence);
    let mut progress = Progress::default();
    let end = loop {
        if progress.sub_operations.sum() > limits.instances || progress.received > limits.instances {
            break RetrievalEnd::TooMany;
        }
        tokio::select! {
            biased;
            () = limits.stop.cancelled() => break RetrievalEnd::Stopped,
            () = sleep_until(deadline) => break RetrievalEnd::TooLong,
            waited = scu.association.wait() => waited?,
        }
        if let Some(status) = next_message(scu, asked, message_id, &mut progress).await? {
            return if status.is_done() {
                Ok((progress.ended(RetrievalEnd::Done, status), true))
            } else {
                Err(NetworkError::Status(status))
            };
        }
    };
    let cancel = Command::cancel_request(message_id);
    scu.association.send_command(context, &cancel).await?;
    let ending = async {
        for _ in 0..MESSAGES_UNDER_WAY {
            match next_message(scu, asked, message_id, &mut progress).await {
                Ok(None) => {}
                Ok(Some(status)) => return Some(status),
                Err(_) => return None,
            }
        }
        None
    };
    let ended = timeout(CANCEL_WAIT, ending).await.unwrap_or(None);
    let is_ended = ended.is_some();
    Ok((progress.ended(end, ended.unwrap_or(Status::CANCEL)), is_ended))
}

#[derive(Default)]
struct Progress {
    sub_operations: SubOperations,
    /// By C-STORE over this association.
    received: u32,
}

impl Progress {
    fn ended(&self, end: RetrievalEnd, status: Status) -> Retrieval {
        Retrieval {
            end,
            status,
            sub_operations: self.sub_operations,
        }
    }
}

/// Takes what the peer sends next; its last word where it is that.
async fn next_message(
    scu: &mut Scu,
    asked: Asked<'_>,
    message_id: u16,
    progress: &mut Progress,
) -> Result<Option<Status>, NetworkError> {
    let Incoming::Command(context, command) = scu.association.read_command().await? else {
        return Err(NetworkError::Unexpected);
    };
    let field = command.field();
    if let (Some(C_STORE_RQ), Asked::Get(incoming, sink)) = (field, asked) {
        progress.received += 1;
        take_instance(scu, context, &command, incoming, sink).await?;
        return Ok(None);
    }
    let expected = match asked {
        Asked::Move(_) => C_MOVE_RSP,
        Asked::Get(..) => C_GET_RSP,
    };
    if field != Some(expected) || !command.responds_to(message_id) {
        return Err(NetworkError::Unexpected);
    }
    if command.has_data_set() {
        // The UIDs of those that failed; what is missing is seen here.
        scu.association.read_data_set(context, RESPONSE_BYTES).await?;
    }
    progress.sub_operations.note(&command);
    let status = command.status().ok_or(NetworkError::Unexpected)?;
    Ok((!status.is_pending()).then_some(status))
}

async fn take_instance(
    scu: &mut Scu,
    id: u8,
    command: &Command,
    incoming: &IncomingInstances<'_>,
    sink: &dyn InstanceSink,
) -> Result<(), NetworkError> {
    let context = scu.contexts.get(&id).cloned();
    let context = context.ok_or(NetworkError::Unexpected)?;
    if !command.has_data_set() || command.message_id().is_none() {
        return Err(NetworkError::Unexpected);
    }
    let received = incoming.receive(&mut scu.association, id, &context, command);
    let status = match received.await? {
        Ok(instance) => sink
            .accept(instance)
            .await
            .map_or_else(Status::from, |()| Status::SUCCESS),
        Err(status) => status,
    };
    scu.association.send_command(id, &command.response(status)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_fits_into_one_association() {
        let readable = [
            NATIVE.to_vec(),
            (0..17).map(|_| "1.2.840.10008.1.2.4.50").collect(),
        ]
        .concat();
        let wanted: Vec<Proposal> = proposals(Retrieve::Get)
            .chain(storage_proposals(&readable))
            .collect();
        assert!(wanted.len() <= 128, "{}", wanted.len());
        assert_eq!(wanted.len(), 2 + 3 * 18 + 2 * OTHER_CLASSES.len());
        assert!(wanted[..2].iter().all(|proposal| !proposal.is_provided));
    }
}
