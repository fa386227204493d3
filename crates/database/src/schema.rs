//! The tables as diesel knows them; `migrations/` makes them.

diesel::table! {
    patients (id) {
        id -> crate::sql_types::Id,
        first_name -> Text,
        last_name -> Text,
        description -> Text,
        search_name -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    scans (id) {
        id -> crate::sql_types::Id,
        patient_id -> Nullable<crate::sql_types::Id>,
        description -> Text,
        file_name -> Text,
        sha256 -> Text,
        size_bytes -> BigInt,
        object_key -> Text,
        study_uid -> Nullable<Text>,
        series_uid -> Nullable<Text>,
        study_date -> Nullable<Text>,
        slice_count -> Nullable<Integer>,
        latest_analysis_id -> Nullable<crate::sql_types::Id>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        suspicion_group -> Integer,
        suspicion -> Double,
    }
}

diesel::table! {
    analyses (id) {
        id -> crate::sql_types::Id,
        scan_id -> crate::sql_types::Id,
        status -> Text,
        operating_point -> Text,
        bundle_version -> Text,
        attempt -> Integer,
        requested_at -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        deadline_at -> Timestamp,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        quality_flags -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    stage_results (analysis_id, stage) {
        analysis_id -> crate::sql_types::Id,
        stage -> Text,
        payload -> Json,
        duration_ms -> Nullable<BigInt>,
        model_version -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    reports (analysis_id) {
        analysis_id -> crate::sql_types::Id,
        report -> Json,
        verdict -> Text,
        probability -> Nullable<Double>,
        threshold -> Double,
        top_finding_label -> Nullable<Text>,
        top_finding_name_en -> Nullable<Text>,
        top_finding_name_ru -> Nullable<Text>,
        top_finding_probability -> Nullable<Double>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> crate::sql_types::Id,
        routing_key -> Text,
        type_name -> Text,
        payload -> Binary,
        headers -> Json,
        created_at -> Timestamp,
        claimed_until -> Nullable<Timestamp>,
        published_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    feedback (id) {
        id -> crate::sql_types::Id,
        analysis_id -> crate::sql_types::Id,
        agree -> Bool,
        label -> Nullable<Text>,
        comment -> Nullable<Text>,
        user_name -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    prediction_scans (prediction_id, position) {
        prediction_id -> crate::sql_types::Id,
        position -> Integer,
        scan_id -> crate::sql_types::Id,
    }
}

diesel::table! {
    prediction_rejections (prediction_id, position) {
        prediction_id -> crate::sql_types::Id,
        position -> Integer,
        location -> Text,
        code -> Text,
        message -> Text,
        created_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    patients,
    scans,
    analyses,
    stage_results,
    reports,
    outbox,
    feedback,
    prediction_scans,
    prediction_rejections,
);
