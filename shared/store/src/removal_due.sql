-- A lab's newest version says how long its sessions' logs and snapshots are kept; where it does not,
-- the house does. What somebody under a hold pushed or wrote stays.
WITH rule AS (
    SELECT DISTINCT ON (version.lab_id)
        version.lab_id,
        coalesce((version.spec #>> '{retention,logs_days}')::bigint, $2) AS logs_days,
        coalesce((version.spec #>> '{retention,snapshots_days}')::bigint, $3) AS snapshots_days
    FROM lab_version AS version
    ORDER BY version.lab_id, version.number DESC
), held AS (
    SELECT principal_id FROM (
        SELECT DISTINCT ON (principal_id) principal_id, action
        FROM legal_hold ORDER BY principal_id, recorded_at DESC, id DESC
    ) AS newest
    WHERE action = 'held'
), held_attempt AS (
    SELECT attempt.id
    FROM held
    JOIN push ON push.pusher_id = held.principal_id
    JOIN lab_attempt AS attempt ON attempt.push_id = push.id
    UNION
    SELECT attempt.id FROM held JOIN lab_attempt AS attempt ON attempt.author_id = held.principal_id
)
SELECT 'log' AS kind, tried.id AS subject_id, tried.log_digest AS digest,
    session.id AS lab_session_id
FROM verification_attempt AS tried
JOIN verification_request AS request ON request.id = tried.request_id
JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id
JOIN lab_session AS session ON session.id = attempt.lab_session_id
JOIN rule ON rule.lab_id = session.lab_id
WHERE tried.log_digest IS NOT NULL
    AND tried.recorded_at <= $1 - rule.logs_days * interval '1 day'
    AND NOT EXISTS (
        SELECT FROM removal WHERE removal.kind = 'log' AND removal.subject_id = tried.id
    )
    AND NOT EXISTS (SELECT FROM held_attempt WHERE held_attempt.id = attempt.id)
UNION ALL
-- A snapshot is used by whoever asks for it to be verified: it goes when all of that is long ago.
SELECT 'snapshot', snapshot.id, snapshot.digest, session.id
FROM snapshot
JOIN lab_session AS session ON session.id = snapshot.lab_session_id
JOIN rule ON rule.lab_id = session.lab_id
WHERE snapshot.recorded_at <= $1 - rule.snapshots_days * interval '1 day'
    AND NOT EXISTS (
        SELECT FROM removal WHERE removal.kind = 'snapshot' AND removal.subject_id = snapshot.id
    )
    AND NOT EXISTS (
        SELECT FROM attempt_snapshot AS kept
        LEFT JOIN verification_request AS request ON request.lab_attempt_id = kept.lab_attempt_id
        WHERE kept.snapshot_id = snapshot.id AND (
            greatest(kept.recorded_at, request.recorded_at)
                > $1 - rule.snapshots_days * interval '1 day'
            OR EXISTS (
                SELECT FROM held_attempt WHERE held_attempt.id = kept.lab_attempt_id
            )
        )
    )
ORDER BY subject_id
LIMIT $4
