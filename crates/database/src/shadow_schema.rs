//! The tables of the second bundle that answers beside the one in use.

use crate::schema::{analyses, reports, scans};

diesel::table! {
    shadow_bundles (sha256) {
        sha256 -> Text,
        name -> Text,
        version -> Text,
        since -> Timestamp,
    }
}

diesel::table! {
    shadow_reader (singleton) {
        singleton -> Integer,
        seen_at -> Timestamp,
        problem -> Nullable<Text>,
        bundle_sha256 -> Nullable<Text>,
    }
}

diesel::table! {
    shadow_answers (analysis_id, bundle_sha256) {
        analysis_id -> crate::sql_types::Id,
        bundle_sha256 -> Text,
        state -> Text,
        attempts -> Integer,
        failure_code -> Nullable<Text>,
        answer -> Nullable<Json>,
        noted_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(shadow_answers, reports);
diesel::allow_tables_to_appear_in_same_query!(shadow_answers, analyses);
diesel::allow_tables_to_appear_in_same_query!(shadow_answers, scans);
diesel::allow_tables_to_appear_in_same_query!(shadow_reader, shadow_bundles);
