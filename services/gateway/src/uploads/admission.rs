//! Uploads where there is a place and room for them.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gateway::Gateway;
use crate::http::content_length::content_length;
use crate::problem::ApiError;
use crate::uploads::limits::UploadLimits;
use crate::uploads::reader::UploadReader;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD, Upload, receive};
use crate::uploads::storage_room::{Reservation, Room, reserve_room};
use norma_deidentification::PixelCheck;

/// Receives uploads and looks into them.
#[derive(Clone)]
pub(crate) struct Uploads {
    pub(crate) reader: UploadReader,
    gateway: Arc<Gateway>,
    /// One for each upload that is received.
    places: Arc<Semaphore>,
    room: Room,
}

/// The place of an upload that is received, and the room on the disk that it will take.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _room: Reservation,
}

impl Uploads {
    pub(crate) fn new(gateway: Arc<Gateway>, reader: UploadReader) -> Self {
        Self {
            reader,
            places: Arc::new(Semaphore::new(gateway.options.uploads_at_once)),
            gateway,
            room: Room::default(),
        }
    }

    /// Receives a form with a file and the given text fields, where there is a place and room for it. The place is
    /// given back when what comes with the upload is dropped.
    pub(crate) async fn receive(
        &self,
        request: &HttpRequest,
        payload: Payload,
        text_fields: &'static [&'static str],
    ) -> Result<(Upload, Place), ApiError> {
        let permit = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| ApiError::TooManyUploads)?;
        let announced = content_length(request.headers()).unwrap_or(0);
        let foreseen = if announced <= self.gateway.options.upload_limit_bytes {
            Some(reserve_room(&self.gateway, &self.room, announced).await?)
        } else {
            None
        };
        let mut upload = receive(request, payload, text_fields, &self.limits()).await?;
        drop(foreseen);
        let place = Place {
            _permit: permit,
            _room: reserve_room(&self.gateway, &self.room, upload.size_bytes).await?,
        };
        let is_wanted: Option<bool> = upload.parsed(DEIDENTIFY_FIELD, "true or false")?;
        let is_checked: Option<bool> = upload.parsed(PIXELS_CHECKED_FIELD, "true or false")?;
        if self.gateway.options.deidentify_uploads || is_wanted == Some(true) {
            let pixels = if is_checked == Some(true) {
                PixelCheck::ByPerson
            } else {
                PixelCheck::ByKind
            };
            upload = self.deidentify(upload, pixels).await?;
        }
        Ok((upload, place))
    }

    /// The upload without what identifies patients: its file name goes too.
    async fn deidentify(&self, upload: Upload, pixels: PixelCheck) -> Result<Upload, ApiError> {
        let clean = upload.replacement(&self.gateway.options.spool_folder)?;
        let done = self
            .reader
            .deidentify(
                &upload.path,
                &clean,
                self.gateway.options.deidentification_key.clone(),
                pixels,
            )
            .await?;
        upload.replaced_by(clean, "deidentified.zip", done)
    }

    fn limits(&self) -> UploadLimits {
        UploadLimits {
            spool_folder: self.gateway.options.spool_folder.clone(),
            file_bytes: self.gateway.options.upload_limit_bytes,
            idle: self.gateway.options.upload_idle,
            least_bytes_per_second: self.gateway.options.upload_least_bytes_per_second,
            fields: self.gateway.options.form_fields_max,
            text_bytes: self.gateway.options.form_text_limit_bytes,
            free_floor_bytes: self.gateway.options.storage.free_floor_bytes,
        }
    }
}
