WITH request AS (
    SELECT
        request.id,
        result.result,
        result.retry_at,
        EXISTS (SELECT FROM verification_claim AS claim WHERE claim.request_id = request.id)
            AS claimed,
        EXISTS (
            SELECT FROM attempt_snapshot AS kept
            WHERE kept.lab_attempt_id = request.lab_attempt_id
        ) AS preserved
    FROM verification_request AS request
    LEFT JOIN verification_result AS result ON result.request_id = request.id
)
SELECT
    (SELECT count(*) FROM delivery) AS deliveries,
    (SELECT count(*) FROM delivery_conflict) AS conflicts,
    (SELECT count(*) FROM push) AS pushes,
    (SELECT count(*) FROM lab_session) AS sessions,
    (SELECT count(*) FROM lab_attempt) AS attempts,
    (
        SELECT count(*)
        FROM lab_session AS session
        JOIN lab_attempt AS attempt ON attempt.lab_session_id = session.id
        JOIN lab_attempt_received AS received ON received.lab_attempt_id = attempt.id
        WHERE received.received_at > session.closes_at
    ) AS late,
    (SELECT count(*) FROM work_remade) AS remade,
    (SELECT count(*) FROM snapshot) AS snapshots,
    (SELECT count(DISTINCT principal_id) FROM erasure) AS people_erased,
    (SELECT count(DISTINCT lab_attempt_id) FROM attempt_erased) AS attempts_erased,
    (SELECT count(DISTINCT (subject_id, digest)) FROM removal WHERE kind = 'raw-body')
        AS raw_bodies_removed,
    (SELECT count(DISTINCT subject_id) FROM removal WHERE kind = 'log') AS logs_removed,
    (SELECT count(DISTINCT subject_id) FROM removal WHERE kind = 'snapshot') AS snapshots_removed,
    (SELECT count(*) FROM ledger_leaf) AS leaves,
    (SELECT count(*) FROM ledger_pending) AS pending,
    count(*) AS requests,
    count(*) FILTER (WHERE result = 'pass') AS passed,
    count(*) FILTER (WHERE result = 'fail') AS failed,
    count(*) FILTER (WHERE result = 'superseded') AS superseded,
    count(*) FILTER (WHERE result = 'unchecked') AS unchecked,
    count(*) FILTER (WHERE result = 'error' AND retry_at IS NULL) AS errors,
    count(*) FILTER (WHERE result = 'error' AND retry_at IS NOT NULL) AS retrying,
    count(*) FILTER (WHERE result IS NULL AND claimed) AS running,
    count(*) FILTER (WHERE result IS NULL AND NOT claimed AND preserved) AS queued_to_verify,
    count(*) FILTER (WHERE result IS NULL AND NOT claimed AND NOT preserved)
        AS queued_to_snapshot
FROM request
