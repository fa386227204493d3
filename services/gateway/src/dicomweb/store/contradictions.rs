//! Instances that came again with another data set: what came first stays.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use norma_database::{AuditOutcome, NewAuditEvent};
use norma_dicom_instances::{IndexedInstance, Span};
use norma_dicom_spool::sop_instance_before_data_set;
use norma_domain::{ScanId, StudyInstanceUid};

use crate::dicomweb::held::{HeldScan, first_to_hold};
use crate::dicomweb::holding::Source;
use crate::dicomweb::indexes::DicomWeb;
use crate::gateway::Gateway;
use crate::identity::Access;
use crate::problem::ApiError;
use crate::uploads::instances::Part;
use crate::uploads::spool::blocking;

/// What of a request stands against what is held under the same SOP Instance UIDs.
#[derive(Default)]
pub(super) struct Contradictions {
    /// Where files begin in the archive that are not stored, each with what is held there or came before it in the request.
    pub(super) of_stored: HashMap<u64, ScanId>,
    /// The same for files of which the request holds an earlier one: its SOP Instance UID.
    pub(super) of_request: HashMap<u64, String>,
    /// What holds something of the studies of the request, the newest first.
    pub(super) scans: Vec<HeldScan>,
    /// The scan that each instance was held against, by its SOP Instance UID.
    pub(super) compared: HashMap<String, ScanId>,
}

impl Contradictions {
    /// Looks at the instances of a request: against those of the scans that the caller sees, and against each other. `upload`: the
    /// archive that they lie in, not compressed.
    pub(super) async fn of(
        web: &Arc<DicomWeb>,
        access: &Access,
        upload: &Path,
        parts: &[Part],
        instances: &[IndexedInstance],
    ) -> Result<Self, ApiError> {
        // The scans of other requests that nobody has asked for yet.
        web.catch_up().await?;
        let mut of_stored = HashMap::new();
        let mut compared = HashMap::new();
        let scans = web.scans_with(access, instances).await?;
        for instance in instances {
            let uid = &instance.sop_instance_uid;
            let Some(first) = first_to_hold(&scans, uid) else {
                continue;
            };
            let (upload, span) = (upload.to_owned(), instance.place.span);
            if web.holds_same(first, uid, move || part_of(&upload, span)).await? {
                compared.insert(uid.clone(), first.scan_id);
            } else {
                of_stored.insert(span.offset, first.scan_id);
            }
        }
        let of_request = repeated_in(upload.to_owned(), parts, instances).await?;
        Ok(Self {
            of_stored,
            of_request,
            scans,
            compared,
        })
    }

    /// The instance of the request that came before the file at this place.
    pub(super) fn first_of<'index>(
        &self,
        start: u64,
        instances: &'index [IndexedInstance],
    ) -> Option<&'index IndexedInstance> {
        let uid = self.of_request.get(&start)?;
        instances
            .iter()
            .find(|instance| instance.sop_instance_uid == *uid)
    }

    /// Tells people of them: they are counted, and written to the audit trail once for each scan.
    pub(super) async fn tell(&self, gateway: &Gateway) -> Result<(), ApiError> {
        let count = self.of_stored.len() + self.of_request.len();
        if count == 0 {
            return Ok(());
        }
        metrics::counter!("norma_dicomweb_instances_total", "outcome" => "other_content")
            .increment(count as u64);
        let mut by_scan: BTreeMap<Option<ScanId>, usize> = BTreeMap::new();
        for scan_id in self.of_stored.values() {
            *by_scan.entry(Some(*scan_id)).or_default() += 1;
        }
        if !self.of_request.is_empty() {
            by_scan.insert(None, self.of_request.len());
        }
        let events = by_scan.into_iter().map(|(scan_id, count)| {
            let mut event = NewAuditEvent::of_system("dicomweb", "dicomweb.other_content");
            if let Some(scan_id) = scan_id {
                event = event.about("scan", scan_id);
            }
            event.scan_id = scan_id;
            event.outcome = AuditOutcome::Refused;
            event.detail =
                format!("{count} instances came again with another data set; what came first stays");
            event
        });
        gateway.database.append_audit_events(events.collect()).await?;
        Ok(())
    }
}

impl DicomWeb {
    /// What holds something of the studies of these instances and the caller sees, the newest first in each study.
    async fn scans_with(
        self: &Arc<Self>,
        access: &Access,
        instances: &[IndexedInstance],
    ) -> Result<Vec<HeldScan>, ApiError> {
        let studies: BTreeSet<&str> = instances
            .iter()
            .map(|instance| instance.study_instance_uid.as_str())
            .collect();
        let mut found = Vec::new();
        for study in studies {
            let Ok(study) = StudyInstanceUid::new(study) else {
                continue;
            };
            let database = &self.gateway.database;
            let scans = database
                .scans_of_dicom_study(study, access.visible_owner())
                .await?;
            for scan_id in scans {
                match self.holding(scan_id, &access.caller.owner()).await {
                    Ok(holding) if matches!(holding.source, Source::Scan(_)) => {
                        found.push(HeldScan::of(scan_id, holding, |_| true));
                    }
                    // Deleted meanwhile.
                    Ok(_) | Err(ApiError::ScanNotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }
}

/// Of files that are not in the index those whose SOP Instance UID an earlier file of the request has.
async fn repeated_in(
    upload: PathBuf,
    parts: &[Part],
    instances: &[IndexedInstance],
) -> Result<HashMap<u64, String>, ApiError> {
    let indexed: HashSet<u64> = instances
        .iter()
        .map(|instance| instance.place.span.offset)
        .collect();
    let uids: HashSet<String> = instances
        .iter()
        .map(|instance| instance.sop_instance_uid.clone())
        .collect();
    let others: Vec<u64> = parts
        .iter()
        .filter_map(|part| match part {
            Part::At(start) if !indexed.contains(start) => Some(*start),
            _ => None,
        })
        .collect();
    blocking(move || {
        let mut repeated = HashMap::new();
        for offset in others {
            let head = part_of(
                &upload,
                Span {
                    offset,
                    length: HEAD_BYTES,
                },
            )?;
            if let Some(uid) = sop_instance_before_data_set(head)?.filter(|uid| uids.contains(uid)) {
                repeated.insert(offset, uid);
            }
        }
        Ok(repeated)
    })
    .await
}

/// Holds the file meta information of any instance.
const HEAD_BYTES: u64 = 64 << 10;

pub(super) fn part_of(upload: &Path, span: Span) -> io::Result<impl Read + use<>> {
    let mut file = File::open(upload)?;
    file.seek(SeekFrom::Start(span.offset))?;
    Ok(file.take(span.length))
}
