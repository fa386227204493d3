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

diesel::table! {
    pulls (id) {
        id -> crate::sql_types::Id,
        source -> Text,
        purpose -> Text,
        scan_id -> Nullable<crate::sql_types::Id>,
        study_uid -> Nullable<Text>,
        accession_number -> Nullable<Text>,
        patient_id -> Nullable<Text>,
        patient_id_issuer -> Nullable<Text>,
        of_study_key -> Nullable<Text>,
        of_study_date -> Nullable<Text>,
        state -> Text,
        attempts -> Integer,
        asked_at -> Timestamp,
        next_attempt_at -> Timestamp,
        lease -> Nullable<crate::sql_types::Id>,
        reason_code -> Nullable<Text>,
        peer_status -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    workitems (sop_instance_uid) {
        sop_instance_uid -> Text,
        owner -> Nullable<Text>,
        studies_of -> Nullable<Text>,
        state -> Text,
        transaction_uid -> Nullable<Text>,
        attributes -> Text,
        version -> Integer,
        created_at -> Timestamp,
        changed_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    pulled_studies (pull_id, study_uid) {
        pull_id -> crate::sql_types::Id,
        study_uid -> Text,
        study_key -> Text,
        is_here -> Bool,
        instances -> Integer,
        failed -> Integer,
        reason_code -> Nullable<Text>,
        expected -> Nullable<Integer>,
    }
}

diesel::table! {
    workitem_subscriptions (subscriber, workitem) {
        subscriber -> Text,
        workitem -> Text,
        filter -> Nullable<Text>,
        visible_owner -> Nullable<Text>,
        has_deletion_lock -> Bool,
    }
}

diesel::table! {
    study_routes (scan_id) {
        scan_id -> crate::sql_types::Id,
        facts -> Text,
        rule -> Nullable<Text>,
        destinations -> Nullable<Text>,
        decided_at -> Timestamp,
    }
}

diesel::table! {
    study_counts (scan_id) {
        scan_id -> crate::sql_types::Id,
        came -> Integer,
        expected -> Nullable<Integer>,
        counted_by -> Text,
    }
}

diesel::table! {
    performed_steps (sop_instance_uid) {
        sop_instance_uid -> Text,
        calling -> Text,
        state -> Text,
        instances -> Text,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    performed_step_studies (study_key, sop_instance_uid) {
        study_key -> Text,
        sop_instance_uid -> Text,
    }
}

diesel::table! {
    arriving_studies (node, study_key) {
        node -> crate::sql_types::Id,
        study_key -> Text,
        study_uid -> Nullable<Text>,
        callers -> Text,
        instances -> Integer,
        came -> Nullable<Integer>,
        expected -> Nullable<Integer>,
        counted_by -> Nullable<Text>,
        waits_for -> Text,
        first_at -> Timestamp,
        last_at -> Timestamp,
        at_latest -> Nullable<Timestamp>,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    pacs_callers (ae_title) {
        ae_title -> Text,
        last_at -> Timestamp,
        taken -> BigInt,
        refused -> BigInt,
        last_refused_at -> Nullable<Timestamp>,
        last_refusal -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(performed_steps, performed_step_studies);
diesel::allow_tables_to_appear_in_same_query!(pulls, pulled_studies);

diesel::table! {
    study_locks (study_key) {
        study_key -> Text,
        holder -> crate::sql_types::Id,
        renewed_at -> Timestamp,
    }
}

diesel::table! {
    workitem_events (id) {
        id -> crate::sql_types::Id,
        subscriber -> Text,
        event -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    delivery_commitments (delivery_id) {
        delivery_id -> crate::sql_types::Id,
        transaction_uid -> Text,
        asked_at -> Timestamp,
        answer -> Nullable<Text>,
    }
}
