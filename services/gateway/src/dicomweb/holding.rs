//! Instances with the bytes they lie in: of a scan, or of the answer to an analysis.

use std::io::Write;

use bytes::Bytes;
use flate2::write::DeflateDecoder;
use futures::StreamExt;
use norma_dicom_instances::{IndexedInstance, InstanceIndex, Section, Span};
use norma_domain::{AnalysisId, ScanId};
use norma_object_storage::{ObjectKey, Objects};

use crate::dicomweb::body::{BodyError, BodySender};
use crate::problem::ApiError;

/// The 128 bytes before the mark of a DICOM file mean nothing to DICOM and may hide a program: they are given out as zeros.
const PREAMBLE: usize = 128;

/// Where the bytes are.
pub(crate) enum Source {
    Scan(ScanId),
    /// In memory: the archive and its container.
    Made {
        analysis: AnalysisId,
        archive: Bytes,
        container: Bytes,
    },
}

/// An index with its bytes.
pub(crate) struct Holding {
    pub(crate) source: Source,
    pub(crate) index: InstanceIndex,
}

/// Takes the bytes of an instance as they come.
pub(crate) trait Sink {
    fn take(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), BodyError>> + Send;
}

impl Sink for &BodySender {
    async fn take(&mut self, bytes: Bytes) -> Result<(), BodyError> {
        Ok(self.send(bytes).await?)
    }
}

impl Sink for &mut tokio::fs::File {
    async fn take(&mut self, bytes: Bytes) -> Result<(), BodyError> {
        use tokio::io::AsyncWriteExt as _;
        self.write_all(&bytes)
            .await
            .map_err(|error| BodyError::Failed(crate::uploads::spool::storage_failure(error)))
    }
}

impl Holding {
    /// Bytes of a section.
    pub(crate) async fn read(
        &self,
        objects: &Objects,
        section: Section,
        span: Span,
    ) -> Result<Bytes, ApiError> {
        if span.length == 0 {
            return Ok(Bytes::new());
        }
        let end = span.offset.saturating_add(span.length);
        match &self.source {
            Source::Scan(scan) => Ok(objects
                .get_range(key_of(*scan, section), span.offset..end)
                .await?),
            Source::Made {
                archive, container, ..
            } => {
                let bytes = match section {
                    Section::Upload => archive,
                    Section::Container => container,
                };
                let range = usize::try_from(span.offset).ok().zip(usize::try_from(end).ok());
                match range.filter(|(_, end)| *end <= bytes.len()) {
                    Some((start, end)) => Ok(bytes.slice(start..end)),
                    None => Err(damaged()),
                }
            }
        }
    }

    /// Gives the file of an instance piece by piece, in constant memory.
    pub(crate) async fn send_file(
        &self,
        objects: &Objects,
        instance: &IndexedInstance,
        mut sink: impl Sink,
    ) -> Result<(), BodyError> {
        let place = instance.place;
        let range = place.span.offset..place.span.offset.saturating_add(place.span.length);
        let mut stored = match &self.source {
            Source::Scan(scan) => {
                objects
                    .get_stream(key_of(*scan, place.section), Some(range))
                    .await?
                    .bytes
            }
            Source::Made { .. } => {
                let bytes = self.read(objects, place.section, place.span).await?;
                futures::stream::iter([Ok(bytes)]).boxed()
            }
        };
        let mut inflating = place.is_deflated.then(|| DeflateDecoder::new(Vec::new()));
        let mut sent = 0_u64;
        while let Some(bytes) = stored.next().await {
            let bytes = bytes?;
            // A piece of some kilobytes unpacks to a thousand times that at most.
            for piece in bytes.chunks(PIECE) {
                let piece = match &mut inflating {
                    None => bytes.slice_ref(piece),
                    Some(decoder) => {
                        decoder
                            .write_all(piece)
                            .map_err(|_| BodyError::Failed(damaged()))?;
                        Bytes::from(std::mem::take(decoder.get_mut()))
                    }
                };
                give(&mut sink, piece, &mut sent, place.size).await?;
            }
        }
        if let Some(decoder) = inflating {
            let rest = decoder.finish().map_err(|_| BodyError::Failed(damaged()))?;
            give(&mut sink, rest.into(), &mut sent, place.size).await?;
        }
        if sent == place.size {
            Ok(())
        } else {
            Err(BodyError::Failed(damaged()))
        }
    }
}

const PIECE: usize = 64 << 10;

async fn give(sink: &mut impl Sink, piece: Bytes, sent: &mut u64, size: u64) -> Result<(), BodyError> {
    if piece.is_empty() {
        return Ok(());
    }
    let start = *sent;
    *sent += piece.len() as u64;
    if *sent > size {
        return Err(BodyError::Failed(damaged()));
    }
    let piece = match usize::try_from(start) {
        Ok(start) if start < PREAMBLE => {
            let mut zeroed = piece.to_vec();
            let count = (PREAMBLE - start).min(zeroed.len());
            zeroed[..count].fill(0);
            Bytes::from(zeroed)
        }
        _ => piece,
    };
    sink.take(piece).await
}

fn key_of(scan: ScanId, section: Section) -> ObjectKey {
    match section {
        Section::Upload => ObjectKey::Original(scan),
        Section::Container => ObjectKey::Instances(scan),
    }
}

fn damaged() -> ApiError {
    ApiError::internal(anyhow::anyhow!("an instance is not what its index says"))
}
