//! Uploads where there is a place and room for them.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use norma_database::Owner;
use norma_deidentification::PixelCheck;

use crate::gateway::Gateway;
use crate::http::content_length::content_length;
use crate::places::Seat;
use crate::problem::ApiError;
use crate::uploads::instances::{ReceivedInstances, receive_instances};
use crate::uploads::limits::UploadLimits;
use crate::uploads::reader::UploadReader;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD, Upload, receive};
use crate::uploads::sender::{Sender, sender_of};
use crate::uploads::storage_room::{Reservation, Room, check_free, reserve_index, reserve_room};

/// Receives uploads and looks into them.
#[derive(Clone)]
pub(crate) struct Uploads {
    pub(crate) reader: UploadReader,
    gateway: Arc<Gateway>,
    room: Room,
}

/// The place of an upload that is received, and the room on the disk that it will take.
pub(crate) struct Place {
    _seat: Seat<Owner>,
    room: Option<Reservation>,
}

impl Uploads {
    pub(crate) fn new(gateway: Arc<Gateway>, reader: UploadReader) -> Self {
        Self {
            reader,
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
        let (sender, seat, foreseen) = self.admit(request).await?;
        let mut upload = receive(request, payload, text_fields, &self.limits()).await?;
        upload.sender = sender;
        drop(foreseen);
        let mut place = Place {
            _seat: seat,
            room: Some(self.reserve(&upload.sender, 1, upload.size_bytes).await?),
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
            // Its pixels are not compressed any more: it may have grown.
            self.make_room(&mut place, &upload.sender, 1, upload.size_bytes)
                .await?;
        }
        Ok((upload, place))
    }

    /// Receives the instances of a DICOMweb request, where there is a place and room for them.
    pub(crate) async fn receive_instances(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<(ReceivedInstances, Place), ApiError> {
        let (sender, seat, foreseen) = self.admit(request).await?;
        let mut received = receive_instances(request, payload, &self.limits()).await?;
        let upload = &mut received.upload;
        upload.sender = sender;
        drop(foreseen);
        let place = Place {
            _seat: seat,
            room: Some(self.reserve(&upload.sender, 1, upload.size_bytes).await?),
        };
        Ok((received, place))
    }

    /// A seat for the sender of a request, and room for what it announces.
    async fn admit(
        &self,
        request: &HttpRequest,
    ) -> Result<(Sender, Seat<Owner>, Option<Reservation>), ApiError> {
        let sender = sender_of(request);
        let seat = self
            .gateway
            .uploads
            .try_take(sender.as_ref())
            .ok_or(ApiError::TooManyUploads)?;
        let announced = content_length(request.headers()).unwrap_or(0);
        let foreseen = if announced <= self.gateway.options.upload_limit_bytes {
            Some(self.reserve(&sender, 1, announced).await?)
        } else {
            None
        };
        Ok((sender, seat, foreseen))
    }

    /// Reserves the room of an index of so many bytes beside an original of so many, for whoever uploaded that.
    pub(crate) async fn reserve_index(
        &self,
        owner: Sender,
        sizes: (u64, u64),
    ) -> Result<Reservation, ApiError> {
        reserve_index(&self.gateway, &self.room, owner, sizes).await
    }

    /// Reserves room for what will be stored of so many studies, instead of what was reserved for the upload as it came.
    pub(crate) async fn make_room(
        &self,
        place: &mut Place,
        sender: &Sender,
        studies: u64,
        size_bytes: u64,
    ) -> Result<(), ApiError> {
        place.room = None;
        place.room = Some(self.reserve(sender, studies, size_bytes).await?);
        Ok(())
    }

    /// Refuses to write so many bytes to the spool folder where too little of its disk would stay free.
    pub(crate) fn check_spool(&self, size_bytes: u64) -> Result<(), ApiError> {
        let options = &self.gateway.options;
        check_free(
            &options.spool_folder,
            size_bytes,
            options.storage.free_floor_bytes,
        )
    }

    /// Reserves room for what will be stored of so many studies.
    pub(crate) async fn reserve(
        &self,
        sender: &Sender,
        studies: u64,
        size_bytes: u64,
    ) -> Result<Reservation, ApiError> {
        reserve_room(&self.gateway, &self.room, sender.clone(), studies, size_bytes).await
    }

    /// The upload without what identifies patients: its file name goes too.
    async fn deidentify(&self, upload: Upload, pixels: PixelCheck) -> Result<Upload, ApiError> {
        let clean = upload.replacement(&self.gateway.options.spool_folder)?;
        let done = self
            .reader
            .deidentify(
                &upload,
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
            deadline: self.gateway.options.upload_deadline,
            least_bytes_per_second: self.gateway.options.upload_least_bytes_per_second,
            fields: self.gateway.options.form_fields_max,
            text_bytes: self.gateway.options.form_text_limit_bytes,
            free_floor_bytes: self.gateway.options.storage.free_floor_bytes,
        }
    }
}
