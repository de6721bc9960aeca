// Generated from a migrated database; `store`'s tests hold it against one.

diesel::table! {
    attempt_snapshot (lab_attempt_id) {
        lab_attempt_id -> Uuid,
        snapshot_id -> Uuid,
        differs -> Nullable<Jsonb>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    audit_entry (id) {
        id -> Uuid,
        action -> Text,
        entry -> Text,
        digest -> Text,
        trace_id -> Nullable<Text>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    command (id) {
        id -> Uuid,
        kind -> Text,
        actor -> Text,
        body -> Jsonb,
        outcome -> Text,
        reason -> Nullable<Text>,
        result -> Nullable<Jsonb>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    dead_letter (id) {
        id -> Uuid,
        message_id -> Text,
        stream -> Text,
        consumer -> Text,
        subject -> Text,
        action -> Text,
        actor -> Text,
        reason -> Text,
        recorded_at -> Timestamptz,
        letter_id -> Uuid,
        delivery_id -> Nullable<Uuid>,
        dead_sequence -> Nullable<Int8>,
        deliveries -> Nullable<Int8>,
        renewals -> Nullable<Int8>,
        last_failure -> Nullable<Text>,
        first_stored_at -> Nullable<Timestamptz>,
        died_at -> Nullable<Timestamptz>,
        command_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    delivery (id) {
        id -> Uuid,
        source -> Text,
        event -> Text,
        body_digest -> Text,
        body_bytes -> Int8,
        key -> Text,
        trace_id -> Text,
        lane_id -> Uuid,
        lane_number -> Int8,
        received_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    delivery_conflict (id) {
        id -> Uuid,
        delivery_id -> Uuid,
        body_digest -> Text,
        first_body_digest -> Text,
        received_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    delivery_receipt (delivery_id) {
        delivery_id -> Uuid,
        source -> Text,
        forge_delivery -> Text,
        body_digest -> Text,
        lane_id -> Uuid,
        lane_number -> Int8,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    erasure (id) {
        id -> Uuid,
        command_id -> Uuid,
        principal_id -> Uuid,
        erased_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lab (id) {
        id -> Uuid,
        slug -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lab_attempt (id) {
        id -> Uuid,
        lab_session_id -> Uuid,
        push_id -> Uuid,
        delivery_id -> Uuid,
        commit_sha -> Text,
        branch -> Text,
        author_id -> Nullable<Uuid>,
        changed_files -> Nullable<Jsonb>,
        committed_at -> Nullable<Timestamptz>,
        received_at -> Timestamptz,
        listed -> Text,
        trace_id -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lab_session (id) {
        id -> Uuid,
        lab_id -> Uuid,
        lab_version_id -> Uuid,
        repository -> Text,
        generation -> Int4,
        starting_commit -> Nullable<Text>,
        closes_at -> Nullable<Timestamptz>,
        opened_by -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lab_version (id) {
        id -> Uuid,
        lab_id -> Uuid,
        number -> Int4,
        digest -> Text,
        title -> Text,
        spec -> Jsonb,
        commit_sha -> Text,
        location -> Text,
        files -> Int4,
        bytes -> Int8,
        command_id -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lane_hole (id) {
        id -> Uuid,
        lane_id -> Uuid,
        number -> Int8,
        delivery_id -> Uuid,
        what -> Text,
        sequence -> Nullable<Int8>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lane_hole_accepted (lane_id, number) {
        lane_id -> Uuid,
        number -> Int8,
        delivery_id -> Uuid,
        command_id -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lane_manifest (id) {
        id -> Uuid,
        lane_id -> Uuid,
        from_number -> Int8,
        through_number -> Int8,
        given_number -> Int8,
        void -> Jsonb,
        spooled -> Jsonb,
        sources -> Jsonb,
        deliveries -> Bytea,
        sequence_first -> Nullable<Int8>,
        sequence_last -> Nullable<Int8>,
        closing -> Bool,
        said_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    lane_message (lane_id, number, how) {
        lane_id -> Uuid,
        number -> Int8,
        how -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    ledger_leaf (epoch, leaf_index) {
        leaf_index -> Int8,
        audit_entry_id -> Uuid,
        leaf_hash -> Bytea,
        recorded_at -> Timestamptz,
        epoch -> Int8,
    }
}

diesel::table! {
    ledger_pending (audit_entry_id) {
        audit_entry_id -> Uuid,
        traceparent -> Nullable<Text>,
        queued -> Int8,
    }
}

diesel::table! {
    legal_hold (id) {
        id -> Uuid,
        command_id -> Uuid,
        principal_id -> Uuid,
        action -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    listing_due (id) {
        id -> Uuid,
        push_id -> Uuid,
        lab_session_id -> Uuid,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    listing_part (push_id, lab_session_id, parts, part) {
        push_id -> Uuid,
        lab_session_id -> Uuid,
        parts -> Int4,
        part -> Int4,
        commits -> Int4,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    log_checkpoint (origin, tree_size) {
        origin -> Text,
        tree_size -> Int8,
        root_hash -> Bytea,
        note -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    log_epoch (epoch) {
        epoch -> Int8,
        origin -> Text,
        previous_origin -> Nullable<Text>,
        previous_size -> Nullable<Int8>,
        previous_root -> Nullable<Bytea>,
        previous_note -> Nullable<Text>,
        reason -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    log_head (only_row) {
        only_row -> Bool,
        origin -> Text,
        tree_size -> Int8,
        root_hash -> Bytea,
        frontier -> Bytea,
        updated_at -> Timestamptz,
        epoch -> Int8,
    }
}

diesel::table! {
    principal (id) {
        id -> Uuid,
        provider -> Text,
        account -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    push (id) {
        id -> Uuid,
        delivery_id -> Uuid,
        body_digest -> Text,
        repository -> Text,
        ref_name -> Text,
        kind -> Text,
        before_sha -> Nullable<Text>,
        after_sha -> Nullable<Text>,
        forced -> Bool,
        commits_listed -> Int4,
        pusher_id -> Nullable<Uuid>,
        received_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    reconciliation (id) {
        id -> Uuid,
        source -> Text,
        cause -> Text,
        repository -> Nullable<Text>,
        since_at -> Timestamptz,
        began_at -> Timestamptz,
        hooks -> Int4,
        deliveries -> Int8,
        repositories -> Int8,
        refs -> Int8,
        delivery_gaps -> Int8,
        ref_gaps -> Int8,
        deliveries_complete -> Bool,
        oldest_gap_at -> Nullable<Timestamptz>,
        outcome -> Text,
        reason -> Nullable<Text>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    reconciliation_gap (id) {
        id -> Uuid,
        reconciliation_id -> Uuid,
        source -> Text,
        kind -> Text,
        subject -> Text,
        repository -> Nullable<Text>,
        ref_name -> Nullable<Text>,
        before_sha -> Nullable<Text>,
        after_sha -> Nullable<Text>,
        event -> Nullable<Text>,
        first_attempt_at -> Nullable<Timestamptz>,
        last_status -> Nullable<Int4>,
        action -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    removal (id) {
        id -> Uuid,
        cause_id -> Uuid,
        cause -> Text,
        kind -> Text,
        subject_id -> Uuid,
        digest -> Text,
        lab_session_id -> Nullable<Uuid>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    restore (id) {
        id -> Uuid,
        backup_id -> Uuid,
        manifest_digest -> Text,
        backup_made_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    restore_step (restore_id, step) {
        restore_id -> Uuid,
        step -> Text,
        detail -> Jsonb,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    snapshot (id) {
        id -> Uuid,
        lab_session_id -> Uuid,
        digest -> Text,
        files -> Int4,
        bytes -> Int8,
        builder -> Text,
        recorded_at -> Timestamptz,
        again -> Nullable<Int4>,
    }
}

diesel::table! {
    status_report (id) {
        id -> Uuid,
        lab_attempt_id -> Uuid,
        number -> Int4,
        request_id -> Uuid,
        try_number -> Nullable<Int4>,
        state -> Text,
        digest -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    verification_attempt (id) {
        id -> Uuid,
        request_id -> Uuid,
        try_number -> Int4,
        token -> Int8,
        result -> Text,
        cause -> Nullable<Text>,
        detail -> Nullable<Text>,
        points -> Int4,
        points_max -> Int4,
        steps -> Jsonb,
        limits -> Jsonb,
        peaks -> Jsonb,
        snapshot_digest -> Nullable<Text>,
        lab_version_digest -> Text,
        log_digest -> Nullable<Text>,
        log_bytes -> Nullable<Int8>,
        runner -> Text,
        worker -> Text,
        retry_at -> Nullable<Timestamptz>,
        started_at -> Timestamptz,
        finished_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    verification_claim (request_id, try_number, token) {
        request_id -> Uuid,
        try_number -> Int4,
        token -> Int8,
        worker -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    verification_origin (verification_attempt_id) {
        verification_attempt_id -> Uuid,
        lane -> Text,
        box_of -> Jsonb,
        box_digest -> Text,
        tools -> Jsonb,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    verification_refused (request_id, try_number, token) {
        request_id -> Uuid,
        try_number -> Int4,
        token -> Int8,
        worker -> Text,
        result -> Text,
        cause -> Nullable<Text>,
        reason -> Text,
        started_at -> Timestamptz,
        finished_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    verification_request (id) {
        id -> Uuid,
        cause -> Text,
        lab_attempt_id -> Uuid,
        lab_version_id -> Uuid,
        lane -> Text,
        trace_id -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    work_remade (id) {
        id -> Uuid,
        lab_attempt_id -> Uuid,
        request_id -> Nullable<Uuid>,
        try_number -> Int4,
        number -> Int4,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    privacy.delivery_body (body_digest, delivery_id) {
        delivery_id -> Uuid,
        body_digest -> Text,
        owner_id -> Uuid,
        sealed_body -> Nullable<Bytea>,
        sealed_headers -> Bytea,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    privacy.named_in_body (principal_id, delivery_id, body_digest) {
        principal_id -> Uuid,
        delivery_id -> Uuid,
        body_digest -> Text,
    }
}

diesel::table! {
    privacy.person (principal_id) {
        principal_id -> Uuid,
        sealed -> Bytea,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    privacy.person_key (owner_id) {
        owner_id -> Uuid,
        master_key -> Text,
        wrapped -> Bytea,
        recorded_at -> Timestamptz,
    }
}
