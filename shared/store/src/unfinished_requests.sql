-- A request whose newest try is no result, or an error that is to be tried again. What belongs to
-- it is looked up for each one (LIMIT 1), so that no plan goes through a whole table for it.
WITH open AS MATERIALIZED (
    SELECT request.*, newest.try_number, newest.cause AS newest_cause, newest.retry_at,
        newest.recorded_at AS newest_at
    FROM verification_request AS request
    LEFT JOIN LATERAL (
        SELECT verification.try_number, verification.result, verification.cause,
            verification.retry_at, verification.recorded_at
        FROM verification_attempt AS verification
        WHERE verification.request_id = request.id
        ORDER BY verification.try_number DESC
        LIMIT 1
    ) AS newest ON true
    WHERE request.id > $1 AND request.id <= $2
        AND (newest.result IS NULL OR newest.retry_at IS NOT NULL)
)
SELECT
    request.id AS place,
    attempt.id AS attempt_id,
    attempt.commit_sha,
    push.ref_name,
    push.delivery_id,
    push.id AS push_id,
    push.before_sha,
    push.after_sha,
    push.received_at,
    session.id AS session_id,
    session.repository,
    CASE WHEN session.opened_by NOT LIKE 'enrolment:%' THEN session.starting_commit END
        AS starting_commit,
    session.lab_version_id AS pinned_version,
    kept.digest AS snapshot_digest,
    request.id AS request_id,
    request.lane,
    coalesce(request.try_number, 0) AS tries,
    coalesce(request.newest_cause IN ('source-unavailable', 'snapshot-unavailable'), false)
        AS tree_was_missing,
    request.retry_at,
    false AS lists,
    remade.times AS remade,
    greatest(request.recorded_at, request.newest_at, remade.recorded_at) AS changed_at
FROM open AS request
CROSS JOIN LATERAL (
    SELECT * FROM lab_attempt WHERE lab_attempt.id = request.lab_attempt_id LIMIT 1
) AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
CROSS JOIN LATERAL (SELECT * FROM push WHERE push.id = attempt.push_id LIMIT 1) AS push
LEFT JOIN LATERAL (
    SELECT snapshot.digest
    FROM attempt_snapshot
    JOIN snapshot ON snapshot.id = attempt_snapshot.snapshot_id
    WHERE attempt_snapshot.lab_attempt_id = attempt.id
    LIMIT 1
) AS kept ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS times, max(asked.recorded_at) AS recorded_at
    FROM work_remade AS asked
    WHERE asked.request_id = request.id
) AS remade
ORDER BY request.id
