WITH attempt AS (
    SELECT attempt.id
    FROM push JOIN lab_attempt AS attempt ON attempt.push_id = push.id
    WHERE push.pusher_id = ANY($1) AND attempt.received_at <= $2
    UNION
    SELECT attempt.id
    FROM lab_attempt AS attempt JOIN push ON push.id = attempt.push_id AND push.pusher_id IS NULL
    WHERE attempt.author_id = ANY($1) AND attempt.received_at <= $2
)
SELECT
    (SELECT count(*) FROM attempt) AS attempts,
    (
        SELECT count(DISTINCT kept.snapshot_id)
        FROM attempt JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = attempt.id
        WHERE NOT EXISTS (
            SELECT FROM attempt_snapshot AS other
            WHERE other.snapshot_id = kept.snapshot_id
                AND NOT EXISTS (SELECT FROM attempt WHERE attempt.id = other.lab_attempt_id)
        )
    ) AS snapshots,
    (
        SELECT count(*)
        FROM attempt
        JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
        JOIN verification_attempt AS tried ON tried.request_id = request.id
        WHERE tried.log_digest IS NOT NULL
    ) AS logs
