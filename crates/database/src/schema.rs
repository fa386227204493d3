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
        dicom_patient_id -> Nullable<Text>,
        issuer_of_patient_id -> Nullable<Text>,
        birth_date -> Nullable<Text>,
        sex -> Nullable<Text>,
    }
}

diesel::table! {
    merged_patients (id) {
        id -> crate::sql_types::Id,
        merged_into -> crate::sql_types::Id,
        merged_at -> Timestamp,
    }
}

diesel::table! {
    study_identities (scan_id) {
        scan_id -> crate::sql_types::Id,
        patient_id -> Nullable<Text>,
        issuer_of_patient_id -> Nullable<Text>,
        patient_name -> Nullable<Text>,
        birth_date -> Nullable<Text>,
        sex -> Nullable<Text>,
        accession_number -> Nullable<Text>,
        study_date -> Nullable<Text>,
        study_time -> Nullable<Text>,
        study_description -> Nullable<Text>,
        referring_physician -> Nullable<Text>,
        institution -> Nullable<Text>,
        is_deidentified -> Bool,
        search_text -> Text,
        confirmed_conflicts -> Text,
        persons -> Text,
    }
}

diesel::table! {
    dicom_studies (scan_id) {
        scan_id -> crate::sql_types::Id,
        study_uid -> Nullable<Text>,
        study_date -> Text,
        study_time -> Text,
        study_id -> Text,
        accession_number -> Text,
        patient_id -> Text,
        patient_name -> Text,
        referring_physician -> Text,
        modalities -> Text,
        series_count -> Integer,
        instance_count -> Integer,
        attributes -> Text,
        index_bytes -> BigInt,
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
        owner -> Nullable<Text>,
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
        change_sequence -> Nullable<BigInt>,
        repeat_of -> Nullable<crate::sql_types::Id>,
        awaits_repeat -> Bool,
        priority -> Text,
        requested_by -> Nullable<Text>,
        released_at -> Nullable<Timestamp>,
        threshold_proposal_id -> Nullable<crate::sql_types::Id>,
        operating_point_named -> Bool,
    }
}

diesel::table! {
    waiting_analyses (analysis_id) {
        analysis_id -> crate::sql_types::Id,
        priority -> Text,
        requester -> Text,
        cost_ms -> BigInt,
        requested_at -> Timestamp,
        message_id -> crate::sql_types::Id,
        routing_key -> Text,
        type_name -> Text,
        payload -> Binary,
        headers -> Json,
    }
}

diesel::table! {
    turn_shares (priority, requester) {
        priority -> Text,
        requester -> Text,
        used_ms -> BigInt,
    }
}

diesel::table! {
    turn_clocks (priority) {
        priority -> Text,
        used_ms -> BigInt,
    }
}

diesel::table! {
    change_head (id) {
        id -> Integer,
        sequence -> BigInt,
    }
}

diesel::table! {
    received_studies (scan_id) {
        scan_id -> crate::sql_types::Id,
        study_key -> Text,
        instances -> Integer,
        instances_sha256 -> Text,
        predecessor -> Nullable<crate::sql_types::Id>,
    }
}

diesel::table! {
    object_deletions (scan_id) {
        scan_id -> crate::sql_types::Id,
        analysis_ids -> Text,
        passes -> Integer,
        due_at -> Timestamp,
    }
}

diesel::table! {
    workers (id) {
        id -> crate::sql_types::Id,
        stage -> Text,
        bundle_name -> Text,
        bundle_version -> Text,
        bundle_sha256 -> Text,
        seen_at -> Timestamp,
    }
}

diesel::table! {
    installation (singleton) {
        singleton -> Integer,
        id -> crate::sql_types::Id,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> crate::sql_types::Id,
        held_until -> Timestamp,
    }
}

diesel::table! {
    stage_starts (analysis_id, stage) {
        analysis_id -> crate::sql_types::Id,
        stage -> Text,
        started_at -> Timestamp,
    }
}

diesel::table! {
    stage_results (analysis_id, stage) {
        analysis_id -> crate::sql_types::Id,
        stage -> Text,
        payload -> Json,
        duration_ms -> Nullable<BigInt>,
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
        user_id -> Nullable<crate::sql_types::Id>,
        withdrawn_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    repeatable_requests (owner, key) {
        owner -> Text,
        key -> Text,
        fingerprint -> Text,
        holder -> crate::sql_types::Id,
        object_id -> Nullable<crate::sql_types::Id>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    predictions (id) {
        id -> crate::sql_types::Id,
        owner -> Nullable<Text>,
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

diesel::table! {
    users (id) {
        id -> crate::sql_types::Id,
        login -> Text,
        display_name -> Text,
        roles -> Text,
        password_hash -> Nullable<Text>,
        openid_issuer -> Nullable<Text>,
        openid_subject -> Nullable<Text>,
        disabled -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        last_sign_in_at -> Nullable<Timestamp>,
        second_factor_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (token_hash) {
        token_hash -> Binary,
        user_id -> crate::sql_types::Id,
        method -> Text,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
        expires_at -> Timestamp,
        browser -> Text,
        system -> Text,
        source_address -> Text,
        id_token -> Nullable<Text>,
        verified_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    one_time_tokens (token_hash) {
        token_hash -> Binary,
        user_id -> crate::sql_types::Id,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        redeemed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    openid_attempts (state_hash) {
        state_hash -> Binary,
        nonce -> Text,
        pkce_verifier -> Text,
        return_to -> Text,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    api_keys (id) {
        id -> crate::sql_types::Id,
        name -> Text,
        scope -> Text,
        roles -> Text,
        secret_hash -> Binary,
        prefix -> Text,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        made_by_user -> Nullable<crate::sql_types::Id>,
        needs_confirmation -> Bool,
        confirmed_by -> Nullable<Text>,
        confirmed_at -> Nullable<Timestamp>,
        allowed_addresses -> Text,
    }
}

diesel::table! {
    audit_events (sequence) {
        sequence -> BigInt,
        at -> Timestamp,
        action -> Text,
        outcome -> Text,
        actor_kind -> Text,
        actor_id -> Nullable<crate::sql_types::Id>,
        actor_name -> Text,
        source_address -> Text,
        object_kind -> Nullable<Text>,
        object_id -> Nullable<Text>,
        patient_id -> Nullable<crate::sql_types::Id>,
        scan_id -> Nullable<crate::sql_types::Id>,
        status -> Nullable<Integer>,
        detail -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    audit_head (id) {
        id -> Integer,
        sequence -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    audit_exports (name) {
        name -> Text,
        sequence -> BigInt,
    }
}

diesel::table! {
    delivery_destinations (name) {
        name -> Text,
        all_studies -> Bool,
    }
}

diesel::table! {
    deliveries (id) {
        id -> crate::sql_types::Id,
        analysis_id -> crate::sql_types::Id,
        destination -> Text,
        state -> Text,
        attempts -> Integer,
        queued_at -> Timestamp,
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
    observations (analysis_id) {
        analysis_id -> crate::sql_types::Id,
        observation -> Json,
    }
}

diesel::table! {
    drift_looks (singleton) {
        singleton -> Integer,
        looked_at -> Timestamp,
        report -> Json,
    }
}

diesel::table! {
    threshold_proposals (id) {
        id -> crate::sql_types::Id,
        state -> Text,
        method -> Text,
        installed_sha256 -> Text,
        based_on -> Nullable<crate::sql_types::Id>,
        bundle_version -> Text,
        bundle_sha256 -> Text,
        bundle_file -> Text,
        report -> Json,
        created_at -> Timestamp,
        created_by -> Text,
        decided_at -> Nullable<Timestamp>,
        decided_by -> Nullable<Text>,
        comment -> Nullable<Text>,
        withdrawn_at -> Nullable<Timestamp>,
        withdrawn_by -> Nullable<Text>,
        withdrawn_reason -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    observations,
    patients,
    merged_patients,
    scans,
    study_identities,
    dicom_studies,
    analyses,
    stage_results,
    stage_starts,
    waiting_analyses,
    reports,
    outbox,
    feedback,
    predictions,
    prediction_scans,
    prediction_rejections,
    users,
    sessions,
    one_time_tokens,
);
