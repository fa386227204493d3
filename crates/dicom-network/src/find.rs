//! Studies and series are looked for (C-FIND, PS3.4 section C.4.1): answers one by one, as many as are wanted.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::association::Incoming;
use crate::command::{C_FIND_RQ, C_FIND_RSP, Command};
use crate::error::NetworkError;
use crate::negotiation::MESSAGE_TRANSFER_SYNTAXES;
use crate::query::{Answer, FoundSeries, FoundStudy, QueryModel, StudyToRetrieve};
use crate::scu::{Proposal, Scu, ScuOptions};
use crate::status::Status;
use crate::study_keys::StudyKeys;

/// Bytes of an answer.
const ANSWER_BYTES: usize = 256 << 10;
/// After it was told that no more is wanted, a peer may give so many more answers…
const ANSWERS_UNDER_WAY: usize = 1000;
/// …and take so long.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// How much is asked for.
#[derive(Debug, Clone, Copy)]
pub struct FindLimits {
    /// Answers that are taken.
    pub answers: usize,
    /// Of the search as a whole.
    pub longest: Duration,
}

/// What an archive has of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    pub items: Vec<T>,
    /// There may be more than the limits let in.
    pub is_cut: bool,
    /// Answers that cannot be read, or are not what was asked for.
    pub left_out: usize,
}

/// Looks for studies.
///
/// # Errors
/// Where the peer cannot be reached, does not take queries (of this kind), or ends the search with anything but success.
pub async fn find_studies(
    options: &ScuOptions,
    keys: &StudyKeys,
    limits: FindLimits,
) -> Result<Found<FoundStudy>, NetworkError> {
    let (scu, query) = associate(options, keys.patient_id.is_some()).await?;
    let data_set = keys.encode(query.is_explicit);
    let answers = search(scu, query, &data_set, limits).await?;
    let mut known = BTreeSet::new();
    Ok(answers.keep(|answer| {
        let study = FoundStudy::of(answer).filter(|study| keys.agree_with(study))?;
        known
            .insert(study.study_instance_uid.as_str().to_owned())
            .then_some(study)
    }))
}

/// Looks for the series of a study.
///
/// # Errors
/// As [`find_studies`].
pub async fn find_series(
    options: &ScuOptions,
    study: &StudyToRetrieve,
    limits: FindLimits,
) -> Result<Found<FoundSeries>, NetworkError> {
    let (scu, query) = associate(options, !study.patient_id.is_empty()).await?;
    let data_set = FoundSeries::keys(study, query.model, query.is_explicit);
    Ok(search(scu, query, &data_set, limits).await?.keep(FoundSeries::of))
}

/// How is asked.
#[derive(Debug, Clone, Copy)]
struct Query {
    context: u8,
    model: QueryModel,
    is_explicit: bool,
}

/// Study Root where the peer has it, else Patient Root, which goes by the patient.
async fn associate(options: &ScuOptions, is_by_patient: bool) -> Result<(Scu, Query), NetworkError> {
    let wanted = QueryModel::ALL.map(|model| Proposal::new(model.find(), &MESSAGE_TRANSFER_SYNTAXES));
    let scu = Scu::associate(options, wanted.into()).await?;
    let found = QueryModel::ALL.into_iter().find_map(|model| {
        let (context, is_explicit) = scu.message_context(model.find())?;
        let is_of_use = model == QueryModel::StudyRoot || is_by_patient;
        is_of_use.then_some(Query {
            context,
            model,
            is_explicit,
        })
    });
    if let Some(query) = found {
        return Ok((scu, query));
    }
    let _ = scu.release().await;
    Err(NetworkError::NotAccepted {
        sop_class: QueryModel::StudyRoot.find().to_owned(),
    })
}

impl Found<Answer> {
    fn keep<T>(self, mut wanted: impl FnMut(&Answer) -> Option<T>) -> Found<T> {
        let all = self.items.len();
        let items: Vec<T> = self.items.iter().filter_map(&mut wanted).collect();
        Found {
            left_out: self.left_out + all - items.len(),
            items,
            is_cut: self.is_cut,
        }
    }
}

/// Asks and ends the association.
async fn search(
    mut scu: Scu,
    query: Query,
    data_set: &[u8],
    limits: FindLimits,
) -> Result<Found<Answer>, NetworkError> {
    match ask(&mut scu, query, data_set, limits).await {
        Ok(Asked { found, is_ended }) => {
            if is_ended {
                // What it has answered, it has answered.
                let _ = scu.release().await;
            } else {
                scu.abort(&NetworkError::Timeout).await;
            }
            Ok(found)
        }
        Err(error @ NetworkError::Status(_)) => {
            let _ = scu.release().await;
            Err(error)
        }
        Err(error) => {
            scu.abort(&error).await;
            Err(error)
        }
    }
}

struct Asked {
    found: Found<Answer>,
    /// The peer has said its last word.
    is_ended: bool,
}

async fn ask(
    scu: &mut Scu,
    query: Query,
    data_set: &[u8],
    limits: FindLimits,
) -> Result<Asked, NetworkError> {
    let deadline = Instant::now() + limits.longest;
    let message_id = scu.next_message_id();
    let request = Command::query_request(C_FIND_RQ, message_id, query.model.find(), None);
    scu.association.send_command(query.context, &request).await?;
    scu.association.send_data(query.context, data_set).await?;
    let mut found = Found {
        items: Vec::new(),
        is_cut: false,
        left_out: 0,
    };
    loop {
        if found.items.len() + found.left_out >= limits.answers {
            found.is_cut = true;
            break;
        }
        match timeout_at(deadline, scu.association.wait()).await {
            Ok(waited) => waited?,
            Err(_) => {
                found.is_cut = true;
                break;
            }
        }
        match next_answer(scu, query, message_id).await? {
            Next::Answer(Some(answer)) => found.items.push(answer),
            Next::Answer(None) => found.left_out += 1,
            Next::End(Status::SUCCESS) => {
                return Ok(Asked {
                    found,
                    is_ended: true,
                });
            }
            Next::End(status) => return Err(NetworkError::Status(status)),
        }
    }
    let cancel = Command::cancel_request(message_id);
    scu.association.send_command(query.context, &cancel).await?;
    let ending = async {
        for _ in 0..ANSWERS_UNDER_WAY {
            match next_answer(scu, query, message_id).await {
                Ok(Next::Answer(_)) => {}
                Ok(Next::End(_)) => return true,
                Err(_) => return false,
            }
        }
        false
    };
    let is_ended = timeout(CANCEL_WAIT, ending).await.unwrap_or(false);
    Ok(Asked { found, is_ended })
}

enum Next {
    /// None of one that cannot be read.
    Answer(Option<Answer>),
    End(Status),
}

async fn next_answer(scu: &mut Scu, query: Query, message_id: u16) -> Result<Next, NetworkError> {
    let Incoming::Command(context, response) = scu.association.read_command().await? else {
        return Err(NetworkError::Unexpected);
    };
    if response.field() != Some(C_FIND_RSP) || !response.responds_to(message_id) {
        return Err(NetworkError::Unexpected);
    }
    let data_set = match response.has_data_set() {
        true => Some(scu.association.read_data_set(context, ANSWER_BYTES).await?),
        false => None,
    };
    let status = response.status().ok_or(NetworkError::Unexpected)?;
    Ok(if status.is_pending() {
        Next::Answer(data_set.and_then(|data_set| Answer::decode(&data_set, query.is_explicit)))
    } else {
        Next::End(status)
    })
}
