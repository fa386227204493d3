//! What is asked of a peer, C-ECHO and C-STORE, and what it is told by N-EVENT-REPORT.

mod commitment;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::pdu::{
    AssociationAC, AssociationRQ, Pdu, PresentationContextProposed, PresentationContextResultReason,
    RequestorRoles, UserVariableItem,
};

use crate::abort::{abort_after, abort_by_user};
use crate::ae_title::AeTitle;
use crate::association::{Association, Incoming};
use crate::command::{C_ECHO_RSP, C_STORE_RSP, Command, N_EVENT_REPORT_RSP};
use crate::commitment::{CommitmentReport, STORAGE_COMMITMENT};
use crate::connection::{Connection, connect};
use crate::error::NetworkError;
use crate::implementation::{APPLICATION_CONTEXT, max_length_of, user_variables};
use crate::negotiation::{AcceptedContext, MESSAGE_TRANSFER_SYNTAXES};
use crate::part10::OutgoingInstance;
use crate::pdu_stream::PduStream;
use crate::status::Status;
use crate::tls::ClientTls;

/// Odd identifiers up to 255.
const MOST_CONTEXTS: usize = 128;

/// Of a data set that a response has and nobody reads.
const REPLY_BYTES: usize = 64 << 10;

/// Whom to ask, and in whose name.
#[derive(Debug, Clone)]
pub struct ScuOptions {
    /// `host:port`.
    pub address: String,
    pub called: AeTitle,
    pub calling: AeTitle,
    pub max_pdu_length: u32,
    pub connect_timeout: Duration,
    /// Without, nothing is encrypted.
    pub tls: Option<ClientTls>,
    /// For each answer.
    pub answer_timeout: Duration,
}

/// A presentation context to ask for.
pub(crate) struct Proposal {
    pub(crate) abstract_syntax: String,
    /// Of which the peer chooses.
    pub(crate) transfer_syntaxes: Vec<String>,
    /// Whether this side is to be the provider.
    pub(crate) is_provided: bool,
}

impl Proposal {
    pub(crate) fn new(abstract_syntax: &str, transfer_syntaxes: &[&str]) -> Self {
        Self {
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: transfer_syntaxes.iter().map(|uid| (*uid).to_owned()).collect(),
            is_provided: false,
        }
    }

    pub(crate) fn provided(self) -> Self {
        Self {
            is_provided: true,
            ..self
        }
    }
}

/// An association that was accepted. Released by [`Scu::release`]; dropped without, the connection just ends.
pub struct Scu {
    pub(crate) association: Association<Box<dyn Connection>>,
    /// Those that the peer has accepted, by their identifiers.
    pub(crate) contexts: BTreeMap<u8, AcceptedContext>,
    last_message_id: u16,
}

impl Scu {
    /// For C-ECHO.
    ///
    /// # Errors
    /// Where the peer cannot be reached or does not accept.
    pub async fn for_verification(options: &ScuOptions) -> Result<Self, NetworkError> {
        let wanted = Proposal::new(uids::VERIFICATION, &[uids::IMPLICIT_VR_LITTLE_ENDIAN]);
        Self::associate(options, vec![wanted]).await
    }

    /// For C-STORE of these instances: each in its own transfer syntax; in implicit VR little endian too where it can be
    /// written so.
    ///
    /// # Errors
    /// Where the peer cannot be reached or does not accept.
    pub async fn for_storage(
        options: &ScuOptions,
        instances: &[OutgoingInstance],
    ) -> Result<Self, NetworkError> {
        let mut wanted = BTreeSet::new();
        for instance in instances {
            let class = &instance.sop_class_uid;
            wanted.insert((class.clone(), instance.transfer_syntax_uid.clone()));
            if instance.can_be_implicit() {
                wanted.insert((class.clone(), uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()));
            }
        }
        let wanted = wanted
            .iter()
            .map(|(class, transfer_syntax)| Proposal::new(class, &[transfer_syntax]));
        Self::associate(options, wanted.collect()).await
    }

    /// For reports of storage commitment: as provider, which is asked for by role selection (PS3.7 section D.3.3.4). A peer that
    /// accepts the class and says nothing of roles is told all the same.
    ///
    /// # Errors
    /// Where the peer cannot be reached or does not accept.
    pub async fn for_commitment_report(options: &ScuOptions) -> Result<Self, NetworkError> {
        let wanted =
            MESSAGE_TRANSFER_SYNTAXES.map(|syntax| Proposal::new(STORAGE_COMMITMENT, &[syntax]).provided());
        Self::associate(options, wanted.into()).await
    }

    /// Proposes these contexts, the first of them where they are too many.
    pub(crate) async fn associate(options: &ScuOptions, wanted: Vec<Proposal>) -> Result<Self, NetworkError> {
        let stream = connect(&options.address, options.tls.as_ref(), options.connect_timeout).await?;
        let mut stream = PduStream::new(stream, options.max_pdu_length, options.answer_timeout);
        let proposed: BTreeMap<u8, Proposal> = (1..=255)
            .step_by(2)
            .zip(wanted.into_iter().take(MOST_CONTEXTS))
            .collect();
        let request = AssociationRQ {
            protocol_version: 1,
            calling_ae_title: options.calling.as_str().to_owned(),
            called_ae_title: options.called.as_str().to_owned(),
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: proposed
                .iter()
                .map(|(id, proposal)| PresentationContextProposed {
                    id: *id,
                    abstract_syntax: proposal.abstract_syntax.clone(),
                    transfer_syntaxes: proposal.transfer_syntaxes.clone(),
                })
                .collect(),
            user_variables: with_roles(user_variables(options.max_pdu_length), proposed.values()),
        };
        stream.write(&request.into()).await?;
        let acceptance = match stream.read().await? {
            Pdu::AssociationAC(acceptance) => acceptance,
            Pdu::AssociationRJ(rejection) => {
                return Err(NetworkError::Rejected(rejection.source.to_string()));
            }
            Pdu::AbortRQ { .. } => return Err(NetworkError::Aborted),
            _ => return Err(NetworkError::Unexpected),
        };
        let peer_max_pdu_length = max_length_of(&acceptance.user_variables);
        Ok(Self {
            association: Association::new(stream, peer_max_pdu_length),
            contexts: accepted_contexts(&acceptance, proposed),
            last_message_id: 0,
        })
    }

    /// Asks whether the peer is there.
    ///
    /// # Errors
    /// Where it does not answer, or not with success.
    pub async fn echo(&mut self) -> Result<(), NetworkError> {
        let context = self
            .context_of(uids::VERIFICATION, uids::IMPLICIT_VR_LITTLE_ENDIAN)
            .ok_or_else(|| NetworkError::NotAccepted {
                sop_class: uids::VERIFICATION.to_owned(),
            })?;
        let message_id = self.next_message_id();
        let request = Command::echo_request(message_id);
        self.association.send_command(context, &request).await?;
        match self.response(C_ECHO_RSP, message_id).await? {
            Status::SUCCESS => Ok(()),
            status => Err(NetworkError::Status(status)),
        }
    }

    /// Sends an instance; returns when the peer says that it has it.
    ///
    /// # Errors
    /// [`NetworkError::Status`] where it says otherwise: the association goes on then.
    pub async fn store(&mut self, instance: &OutgoingInstance) -> Result<(), NetworkError> {
        let class = &instance.sop_class_uid;
        let converted;
        let (context, data_set) = match self.context_of(class, &instance.transfer_syntax_uid) {
            Some(context) => (context, instance.data_set()),
            None => {
                let implicit = self
                    .context_of(class, uids::IMPLICIT_VR_LITTLE_ENDIAN)
                    .filter(|_| instance.can_be_implicit());
                let context = implicit.ok_or_else(|| NetworkError::NotAccepted {
                    sop_class: class.clone(),
                })?;
                converted = instance.implicit_data_set()?;
                (context, converted.as_slice())
            }
        };
        let message_id = self.next_message_id();
        let request = Command::store_request(message_id, class, &instance.sop_instance_uid);
        self.association.send_command(context, &request).await?;
        self.association.send_data(context, data_set).await?;
        let status = self.response(C_STORE_RSP, message_id).await?;
        if status.is_stored() {
            Ok(())
        } else {
            Err(NetworkError::Status(status))
        }
    }

    /// Tells the peer what is stored of what it asked for; returns when it says that it knows.
    ///
    /// # Errors
    /// [`NetworkError::Status`] where it says otherwise: the association goes on then.
    pub async fn report(&mut self, report: &CommitmentReport) -> Result<(), NetworkError> {
        let context = self.message_context(STORAGE_COMMITMENT);
        let (context, is_explicit) = context.ok_or_else(|| NetworkError::NotAccepted {
            sop_class: STORAGE_COMMITMENT.to_owned(),
        })?;
        let message_id = self.next_message_id();
        let request = report.command(message_id);
        self.association.send_command(context, &request).await?;
        let data_set = report.encode(is_explicit);
        self.association.send_data(context, &data_set).await?;
        match self.response(N_EVENT_REPORT_RSP, message_id).await? {
            Status::SUCCESS => Ok(()),
            status => Err(NetworkError::Status(status)),
        }
    }

    /// Ends the association in order.
    ///
    /// # Errors
    /// Where the peer does not answer; what it said before holds.
    pub async fn release(mut self) -> Result<(), NetworkError> {
        self.association.stream.write(&Pdu::ReleaseRQ).await?;
        match self.association.read_command().await? {
            Incoming::ReleaseReply => {
                self.association.stream.close().await;
                Ok(())
            }
            _ => Err(NetworkError::Unexpected),
        }
    }

    /// Gives the association up after an error.
    pub async fn abort(mut self, error: &NetworkError) {
        let pdu = abort_after(error).unwrap_or_else(abort_by_user);
        // The peer may be gone.
        let _ = self.association.stream.write(&pdu).await;
        self.association.stream.close().await;
    }

    async fn response(&mut self, field: u16, message_id: u16) -> Result<Status, NetworkError> {
        let Incoming::Command(context, response) = self.association.read_command().await? else {
            return Err(NetworkError::Unexpected);
        };
        if response.field() != Some(field) || !response.responds_to(message_id) {
            return Err(NetworkError::Unexpected);
        }
        if response.has_data_set() {
            self.association.read_data_set(context, REPLY_BYTES).await?;
        }
        response.status().ok_or(NetworkError::Unexpected)
    }

    /// A context of this class in whatever transfer syntax, and whether that is explicit.
    pub(crate) fn message_context(&self, abstract_syntax: &str) -> Option<(u8, bool)> {
        let explicit = self.context_of(abstract_syntax, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let implicit = || self.context_of(abstract_syntax, uids::IMPLICIT_VR_LITTLE_ENDIAN);
        explicit
            .map(|id| (id, true))
            .or_else(|| implicit().map(|id| (id, false)))
    }

    fn context_of(&self, abstract_syntax: &str, transfer_syntax: &str) -> Option<u8> {
        let mut contexts = self.contexts.iter();
        let found = contexts.find(|(_, context)| {
            context.abstract_syntax == abstract_syntax && context.transfer_syntax == transfer_syntax
        });
        found.map(|(id, _)| *id)
    }

    pub(crate) fn next_message_id(&mut self) -> u16 {
        self.last_message_id = self.last_message_id.wrapping_add(1);
        self.last_message_id
    }
}

/// Those that the peer accepts in a transfer syntax that was proposed, and whose role it does not refuse.
fn accepted_contexts(
    acceptance: &AssociationAC,
    proposed: BTreeMap<u8, Proposal>,
) -> BTreeMap<u8, AcceptedContext> {
    let accepted = proposed.into_iter().filter_map(|(id, proposal)| {
        let result = acceptance
            .presentation_contexts
            .iter()
            .find(|result| result.id == id && result.reason == PresentationContextResultReason::Acceptance)?;
        let chosen = result.transfer_syntax.trim_matches(['\0', ' ']);
        let chosen = match proposal.transfer_syntaxes.as_slice() {
            // Some peers do not say what there was no choice of.
            [only] if chosen.is_empty() => only,
            proposed => proposed.iter().find(|uid| *uid == chosen)?,
        };
        let is_refused =
            proposal.is_provided && is_role_refused(&acceptance.user_variables, &proposal.abstract_syntax);
        let context = AcceptedContext {
            transfer_syntax: chosen.clone(),
            abstract_syntax: proposal.abstract_syntax,
        };
        (!is_refused).then_some((id, context))
    });
    accepted.collect()
}

fn with_roles<'a>(
    mut variables: Vec<UserVariableItem>,
    proposed: impl Iterator<Item = &'a Proposal>,
) -> Vec<UserVariableItem> {
    let roles = RequestorRoles {
        scu: false,
        scp: true,
    };
    let provided: BTreeSet<&String> = proposed
        .filter(|proposal| proposal.is_provided)
        .map(|proposal| &proposal.abstract_syntax)
        .collect();
    variables.extend(
        provided
            .into_iter()
            .map(|class| UserVariableItem::ScuScpRoleSelectionSubItem(class.clone(), roles)),
    );
    variables
}

fn is_role_refused(variables: &[UserVariableItem], class: &str) -> bool {
    variables.iter().any(|item| match item {
        UserVariableItem::ScuScpRoleSelectionSubItem(of, roles) => {
            of.trim_matches(['\0', ' ']) == class && !roles.scp
        }
        _ => false,
    })
}
