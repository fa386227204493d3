//! Tables of signing in that stand with no others in one query.

diesel::table! {
    sign_in_sources (subject_hash) {
        subject_hash -> Binary,
        last_success_at -> Timestamp,
    }
}

diesel::table! {
    sign_in_failures (subject_hash) {
        subject_hash -> Binary,
        failures -> Integer,
        blocked_until -> Timestamp,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> crate::sql_types::Id,
        secret -> Binary,
        last_step -> BigInt,
        created_at -> Timestamp,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> crate::sql_types::Id,
        code_hash -> Binary,
    }
}

diesel::table! {
    passkeys (id) {
        id -> crate::sql_types::Id,
        user_id -> crate::sql_types::Id,
        name -> Text,
        credential_id -> Binary,
        public_key -> Binary,
        algorithm -> Integer,
        counter -> BigInt,
        transports -> Text,
        backup_eligible -> Bool,
        created_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    passkey_ceremonies (id_hash) {
        id_hash -> Binary,
        purpose -> Text,
        user_id -> Nullable<crate::sql_types::Id>,
        link_hash -> Nullable<Binary>,
        state -> Text,
        counted_by -> Binary,
        expires_at -> Timestamp,
    }
}
