SELECT
    (
        SELECT min(erased.erased_at) FROM attempt_erased AS erased
        JOIN lab_attempt AS attempt ON attempt.id = erased.lab_attempt_id
        JOIN push ON push.id = attempt.push_id
        WHERE push.delivery_id = $1
    ) AS erased_at,
    (
        SELECT min(recorded_at) FROM removal WHERE kind = 'raw-body' AND subject_id = $1
    ) AS body_removed_at,
    (
        SELECT min(removal.recorded_at) FROM push
        JOIN lab_attempt AS attempt ON attempt.push_id = push.id
        JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = attempt.id
        JOIN removal ON removal.kind = 'snapshot' AND removal.subject_id = kept.snapshot_id
        WHERE push.delivery_id = $1
    ) AS snapshot_removed_at,
    (
        SELECT min(removal.recorded_at) FROM push
        JOIN lab_attempt AS attempt ON attempt.push_id = push.id
        JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
        JOIN verification_attempt AS tried ON tried.request_id = request.id
        JOIN removal ON removal.kind = 'log' AND removal.subject_id = tried.id
        WHERE push.delivery_id = $1
    ) AS log_removed_at
