//! An association is requested, and accepted or rejected (PS3.8 section 9.3).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use dicom_ul::pdu::{
    AbortRQServiceProviderReason, AssociationAC, AssociationRJ, AssociationRJResult,
    AssociationRJServiceProviderASCEReason, AssociationRJServiceProviderPresentationReason,
    AssociationRJServiceUserReason, AssociationRJSource, AssociationRQ, Pdu, RequestorRoles,
    UserVariableItem,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::abort::{abort, abort_after};
use crate::ae_title::AeTitle;
use crate::association::Association;
use crate::commitment::STORAGE_COMMITMENT;
use crate::error::NetworkError;
use crate::implementation::{APPLICATION_CONTEXT, max_length_of, user_variables};
use crate::negotiation::{AcceptedContext, Offer, Offers, negotiate};
use crate::pdu_stream::PduStream;
use crate::scp::options::ScpOptions;
use crate::scp::peers::is_allowed;
use crate::scp::services::Services;
use crate::sink::AssociationId;
use crate::tls::Fingerprint;

/// An association that was accepted here.
pub(crate) struct AcceptedAssociation<S> {
    pub(crate) association: Association<S>,
    pub(crate) contexts: BTreeMap<u8, AcceptedContext>,
    pub(crate) calling: AeTitle,
    pub(crate) address: IpAddr,
    pub(crate) id: AssociationId,
    /// Its place among the associations.
    _place: OwnedSemaphorePermit,
}

pub(crate) struct Handshake<'a> {
    options: &'a ScpOptions,
    services: &'a Services,
    address: IpAddr,
    /// What the peer has shown by TLS.
    certificate: Option<Fingerprint>,
}

/// Why an association is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    ProtocolVersion,
    ApplicationContext,
    CalledAeTitle,
    CallingAeTitle,
    TooMany,
}

impl Refusal {
    fn pdu(self) -> Pdu {
        use AssociationRJServiceUserReason as User;
        let (result, source) = match self {
            Self::ProtocolVersion => (
                AssociationRJResult::Permanent,
                AssociationRJSource::ServiceProviderASCE(
                    AssociationRJServiceProviderASCEReason::ProtocolVersionNotSupported,
                ),
            ),
            Self::ApplicationContext => (
                AssociationRJResult::Permanent,
                AssociationRJSource::ServiceUser(User::ApplicationContextNameNotSupported),
            ),
            Self::CalledAeTitle => (
                AssociationRJResult::Permanent,
                AssociationRJSource::ServiceUser(User::CalledAETitleNotRecognized),
            ),
            Self::CallingAeTitle => (
                AssociationRJResult::Permanent,
                AssociationRJSource::ServiceUser(User::CallingAETitleNotRecognized),
            ),
            Self::TooMany => (
                AssociationRJResult::Transient,
                AssociationRJSource::ServiceProviderPresentation(
                    AssociationRJServiceProviderPresentationReason::LocalLimitExceeded,
                ),
            ),
        };
        AssociationRJ { result, source }.into()
    }
}

impl<'a> Handshake<'a> {
    pub(crate) fn new(
        options: &'a ScpOptions,
        services: &'a Services,
        address: IpAddr,
        certificate: Option<Fingerprint>,
    ) -> Self {
        Self {
            options,
            services,
            address,
            certificate,
        }
    }

    /// None where none came to be: the peer was told.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        places: &Arc<Semaphore>,
    ) -> Option<AcceptedAssociation<S>> {
        let limits = self.options.limits;
        let mut stream = PduStream::new(stream, limits.max_pdu_length, self.options.timeouts.request);
        let request = match stream.read().await {
            Ok(Pdu::AssociationRQ(request)) => request,
            // Nothing was asked for: a look at the port, as of a load balancer.
            Err(NetworkError::Closed) => return None,
            Ok(Pdu::AbortRQ { .. }) => return None,
            other => {
                let error = other.err().unwrap_or(NetworkError::Unexpected);
                tracing::warn!(address = %self.address, %error, "a DICOM connection began with no request");
                if let Some(pdu) = abort_after(&error) {
                    let _ = stream.write(&pdu).await;
                }
                stream.close().await;
                return None;
            }
        };
        let calling = match self.check(&request) {
            Ok(calling) => calling,
            Err(refusal) => return self.refuse(stream, refusal).await,
        };
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return self.refuse(stream, Refusal::TooMany).await;
        };
        let is_served = self
            .services
            .commitment
            .as_ref()
            .map(|provider| provider.serves(&calling));
        let is_expected = self
            .services
            .outcomes
            .as_ref()
            .map(|listener| listener.expects(&calling));
        let commitment = match (is_served, is_expected) {
            (None, None) => Offer::Unsupported,
            (Some(true), _) | (_, Some(true)) => Offer::Offered,
            _ => Offer::Refused,
        };
        let steps = match &self.services.steps {
            None => Offer::Unsupported,
            Some(listener) if listener.listens_to(&calling) => Offer::Offered,
            Some(_) => Offer::Refused,
        };
        let support = &self.options.support;
        let offers = Offers { commitment, steps };
        let negotiated = negotiate(&request.presentation_contexts, support, offers);
        let Some((contexts, results)) = negotiated else {
            let pdu = abort(AbortRQServiceProviderReason::InvalidPduParameter);
            let _ = stream.write(&pdu).await;
            stream.close().await;
            return None;
        };
        let peer_max_pdu_length = max_length_of(&request.user_variables);
        let acceptance = AssociationAC {
            protocol_version: 1,
            calling_ae_title: request.calling_ae_title,
            called_ae_title: request.called_ae_title,
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: results,
            user_variables: with_roles(
                user_variables(limits.max_pdu_length),
                &request.user_variables,
                (is_served == Some(true), is_expected == Some(true)),
            ),
        };
        stream.set_patience(self.options.timeouts.idle);
        if let Err(error) = stream.write(&acceptance.into()).await {
            tracing::debug!(address = %self.address, %error, "a DICOM peer left before it was accepted");
            return None;
        }
        Some(AcceptedAssociation {
            association: Association::new(stream, peer_max_pdu_length),
            contexts,
            calling,
            address: self.address,
            id: AssociationId::next(),
            _place: place,
        })
    }

    /// Of the protocol's versions only its first is tested (PS3.8 section 9.3.2).
    fn check(&self, request: &AssociationRQ) -> Result<AeTitle, Refusal> {
        if request.protocol_version & 1 == 0 {
            return Err(Refusal::ProtocolVersion);
        }
        if request.application_context_name.trim_matches(['\0', ' ']) != APPLICATION_CONTEXT {
            return Err(Refusal::ApplicationContext);
        }
        if request.called_ae_title.parse() != Ok(self.options.ae_title.clone()) {
            return Err(Refusal::CalledAeTitle);
        }
        let calling: AeTitle = request
            .calling_ae_title
            .parse()
            .map_err(|_| Refusal::CallingAeTitle)?;
        if !is_allowed(&self.options.peers, &calling, self.address, self.certificate) {
            return Err(Refusal::CallingAeTitle);
        }
        Ok(calling)
    }

    async fn refuse<S: AsyncRead + AsyncWrite + Unpin, T>(
        &self,
        mut stream: PduStream<S>,
        refusal: Refusal,
    ) -> Option<T> {
        tracing::warn!(address = %self.address, reason = ?refusal, "a DICOM association was rejected");
        let _ = stream.write(&refusal.pdu()).await;
        stream.close().await;
        None
    }
}

/// Answers a peer that wants to be provider of storage commitment: it may where it is expected to tell something. Roles of other classes are
/// not answered, which leaves the peer the user. `(user, provider)`: what it may be.
fn with_roles(
    mut variables: Vec<UserVariableItem>,
    asked: &[UserVariableItem],
    (may_use, may_provide): (bool, bool),
) -> Vec<UserVariableItem> {
    let wanted = asked.iter().find_map(|item| match item {
        UserVariableItem::ScuScpRoleSelectionSubItem(class, roles)
            if class.trim_matches(['\0', ' ']) == STORAGE_COMMITMENT =>
        {
            Some(roles)
        }
        _ => None,
    });
    if let Some(wanted) = wanted.filter(|wanted| wanted.scp) {
        let roles = RequestorRoles {
            scu: wanted.scu && may_use,
            scp: may_provide,
        };
        variables.push(UserVariableItem::ScuScpRoleSelectionSubItem(
            STORAGE_COMMITMENT.to_owned(),
            roles,
        ));
    }
    variables
}
