-- A snapshot goes when every attempt that it is of is erased: nobody else's goes with it.
SELECT 'snapshot' AS kind, snapshot.id AS subject_id, snapshot.digest, snapshot.lab_session_id
FROM (SELECT DISTINCT lab_attempt_id FROM attempt_erased) AS erased
JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = erased.lab_attempt_id
JOIN snapshot ON snapshot.id = kept.snapshot_id
WHERE NOT EXISTS (
        SELECT FROM removal WHERE removal.kind = 'snapshot' AND removal.subject_id = snapshot.id
    )
    AND NOT EXISTS (
        SELECT FROM attempt_snapshot AS other
        WHERE other.snapshot_id = snapshot.id AND NOT EXISTS (
            SELECT FROM attempt_erased AS also WHERE also.lab_attempt_id = other.lab_attempt_id
        )
    )
UNION
SELECT 'log', tried.id, tried.log_digest, erased.lab_session_id
FROM (SELECT DISTINCT lab_attempt_id, lab_session_id FROM attempt_erased) AS erased
JOIN verification_request AS request ON request.lab_attempt_id = erased.lab_attempt_id
JOIN verification_attempt AS tried ON tried.request_id = request.id
WHERE tried.log_digest IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM removal WHERE removal.kind = 'log' AND removal.subject_id = tried.id
    )
ORDER BY subject_id
LIMIT $1
