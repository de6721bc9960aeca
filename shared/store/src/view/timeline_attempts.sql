SELECT
    attempt.id,
    attempt.commit_sha,
    attempt.branch,
    attempt.listed,
    attempt.recorded_at,
    session.repository,
    lab.slug AS lab,
    version.number AS lab_version,
    snapshot.digest AS snapshot_digest,
    snapshot.files AS snapshot_files,
    snapshot.bytes AS snapshot_bytes,
    kept.recorded_at AS snapshot_at,
    (
        SELECT min(erased.erased_at) FROM attempt_erased AS erased
        WHERE erased.lab_attempt_id = attempt.id
    ) AS erased_at,
    (
        SELECT min(removal.recorded_at) FROM removal
        WHERE removal.kind = 'snapshot' AND removal.subject_id = snapshot.id
    ) AS snapshot_removed_at
FROM lab_attempt AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
JOIN lab_version AS version ON version.id = session.lab_version_id
JOIN lab ON lab.id = session.lab_id
LEFT JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = attempt.id
LEFT JOIN snapshot ON snapshot.id = kept.snapshot_id
WHERE attempt.id IN (
    SELECT brought.id
    FROM push JOIN lab_attempt AS brought ON brought.push_id = push.id
    WHERE push.delivery_id = $1
    UNION
    SELECT request.lab_attempt_id
    FROM push JOIN verification_request AS request ON request.cause = 'push:' || push.id
    WHERE push.delivery_id = $1
)
ORDER BY attempt.received_at, attempt.id
