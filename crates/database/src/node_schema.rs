//! Tables of the DICOM node that stand with no others in one query.

diesel::table! {
    stored_instances (sop_instance_uid, scan_id) {
        sop_instance_uid -> Text,
        scan_id -> crate::sql_types::Id,
        sop_class_uid -> Text,
    }
}

diesel::table! {
    storage_commitments (id) {
        id -> crate::sql_types::Id,
        calling -> Text,
        transaction_uid -> Text,
        instances -> Text,
        attempts -> Integer,
        requested_at -> Timestamp,
        next_attempt_at -> Timestamp,
        lease -> Nullable<crate::sql_types::Id>,
    }
}

diesel::table! {
    delivery_objects (delivery_id, sop_instance_uid) {
        delivery_id -> crate::sql_types::Id,
        sop_instance_uid -> Text,
        name -> Text,
        reason_code -> Nullable<Text>,
        peer_status -> Nullable<Text>,
    }
}
