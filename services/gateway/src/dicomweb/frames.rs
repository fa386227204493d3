//! Frames by their stored values, not compressed, little endian.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use actix_web::web;
use bytes::Bytes;
use norma_dicom_instances::{PixelDescription, Span};
use tokio::io::AsyncWriteExt as _;

use crate::dicomweb::body::BodyError;
use crate::dicomweb::frame_files::FrameFile;
use crate::dicomweb::holding::Source;
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::locate::Located;
use crate::problem::ApiError;
use crate::recently_used::Subject;
use crate::uploads::spool::{create_spool_file, storage_failure};

/// The pixels of an instance.
pub(super) fn pixels_of(located: &Located) -> Result<&PixelDescription, ApiError> {
    located.instance().pixels.as_ref().ok_or(ApiError::NotAcceptable(
        "application/dicom and its metadata: the instance has no pixels",
    ))
}

impl DicomWeb {
    /// A frame, counted from 0.
    pub(super) async fn frame(&self, located: &Located, frame: u64) -> Result<Bytes, ApiError> {
        let pixels = pixels_of(located)?;
        if frame >= pixels.frames {
            return Err(ApiError::DicomObjectNotFound);
        }
        let place = located.instance().place;
        let span = Span {
            offset: frame.saturating_mul(pixels.frame_bytes),
            length: pixels.frame_bytes,
        };
        let end = span.offset.saturating_add(span.length);
        if let Some(native) = pixels
            .native
            .filter(|native| !place.is_deflated && end <= native.length)
        {
            let span = Span {
                offset: place
                    .span
                    .offset
                    .saturating_add(native.offset)
                    .saturating_add(span.offset),
                ..span
            };
            return located
                .holding
                .read(&self.gateway.objects, place.section, span)
                .await;
        }
        let file = self.frame_file(located).await?;
        if end > file.length {
            return Err(undecodable());
        }
        web::block(move || -> std::io::Result<Bytes> {
            let mut bytes = vec![0; usize::try_from(span.length).unwrap_or(0)];
            std::fs::File::open(&file.path)?.read_exact_at(&mut bytes, file.start + span.offset)?;
            Ok(bytes.into())
        })
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)
    }

    async fn frame_file(&self, located: &Located) -> Result<Arc<FrameFile>, ApiError> {
        let subject = match located.holding.source {
            Source::Scan(scan) => Subject::Scan(scan),
            Source::Made { analysis, .. } => Subject::Analysis(analysis),
        };
        let key = (located.instance().sop_instance_uid.clone(), subject);
        if let Some(file) = self.frames.get(&key) {
            return Ok(file);
        }
        let _turn = self.turn(&located.sender).await?;
        // Made meanwhile by whoever had the turn before: a viewer asks for many frames at once.
        if let Some(file) = self.frames.get(&key) {
            return Ok(file);
        }
        let pixels = pixels_of(located)?;
        let decoded = match pixels.native {
            Some(_) => 0,
            None => pixels.frames.saturating_mul(pixels.frame_bytes),
        };
        self.uploads
            .check_spool(decoded.saturating_add(located.instance().place.size))?;
        let spool = || create_spool_file(&self.gateway.options.spool_folder).map_err(storage_failure);
        let (file, path) = spool()?;
        let mut file = tokio::fs::File::from_std(file);
        let sent = located
            .holding
            .send_file(&self.gateway.objects, located.instance(), &mut file)
            .await;
        match sent {
            Ok(()) => file.flush().await.map_err(storage_failure)?,
            Err(BodyError::Failed(error)) => return Err(error),
            Err(BodyError::ClientGone) => {
                return Err(ApiError::internal(anyhow::anyhow!("a file went away")));
            }
        }
        let frames = match pixels.native {
            Some(native) => FrameFile {
                path,
                start: native.offset,
                length: native.length,
            },
            None => {
                let (_, decoded) = spool()?;
                let length = self
                    .uploads
                    .reader
                    .decode_frames(&located.sender, &path, &decoded)
                    .await?;
                FrameFile {
                    path: decoded,
                    start: 0,
                    length: length.ok_or_else(undecodable)?,
                }
            }
        };
        let frames = Arc::new(frames);
        self.frames.insert(key, Arc::clone(&frames));
        Ok(frames)
    }
}

fn undecodable() -> ApiError {
    ApiError::NotAcceptable("application/dicom: its frames cannot be decoded here")
}
