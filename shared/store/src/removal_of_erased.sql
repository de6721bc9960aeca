-- From who was erased on, each step by an index, whatever the statistics say: this is asked three times a
-- minute, and of most ledgers nobody was ever erased. OFFSET 0 keeps the steps apart.
WITH erased AS MATERIALIZED (
    SELECT DISTINCT theirs.lab_attempt_id, theirs.lab_session_id
    FROM (SELECT DISTINCT command_id FROM erasure) AS ordered
    CROSS JOIN LATERAL (
        SELECT lab_attempt_id, lab_session_id FROM attempt_erased
        WHERE command_id = ordered.command_id OFFSET 0
    ) AS theirs
), kept AS MATERIALIZED (
    SELECT DISTINCT tree.snapshot_id
    FROM erased
    CROSS JOIN LATERAL (
        SELECT snapshot_id FROM attempt_snapshot
        WHERE lab_attempt_id = erased.lab_attempt_id OFFSET 0
    ) AS tree
)
-- A snapshot goes when every attempt that it is of is erased: nobody else's goes with it.
SELECT 'snapshot' AS kind, snapshot.id AS subject_id, snapshot.digest, snapshot.lab_session_id
FROM kept
CROSS JOIN LATERAL (
    SELECT id, digest, lab_session_id FROM snapshot WHERE id = kept.snapshot_id OFFSET 0
) AS snapshot
WHERE (
        SELECT true FROM removal
        WHERE removal.kind = 'snapshot' AND removal.subject_id = snapshot.id LIMIT 1
    ) IS NULL
    AND (
        SELECT true FROM attempt_snapshot AS other
        WHERE other.snapshot_id = snapshot.id
            AND other.lab_attempt_id NOT IN (SELECT lab_attempt_id FROM erased)
        LIMIT 1
    ) IS NULL
UNION
SELECT 'log', tried.id, tried.log_digest, erased.lab_session_id
FROM erased
CROSS JOIN LATERAL (
    SELECT id FROM verification_request WHERE lab_attempt_id = erased.lab_attempt_id OFFSET 0
) AS request
CROSS JOIN LATERAL (
    SELECT id, log_digest FROM verification_attempt
    WHERE request_id = request.id AND log_digest IS NOT NULL OFFSET 0
) AS tried
WHERE (
        SELECT true FROM removal
        WHERE removal.kind = 'log' AND removal.subject_id = tried.id LIMIT 1
    ) IS NULL
ORDER BY subject_id
LIMIT $1
