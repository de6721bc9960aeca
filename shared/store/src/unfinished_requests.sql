-- A request whose newest try is no result, or an error that is to be tried again.
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
    snapshot.digest AS snapshot_digest,
    request.id AS request_id,
    request.lane,
    coalesce(newest.try_number, 0) AS tries,
    coalesce(newest.cause IN ('source-unavailable', 'snapshot-unavailable'), false)
        AS tree_was_missing,
    newest.retry_at,
    false AS lists,
    remade.times AS remade,
    greatest(request.recorded_at, newest.recorded_at, remade.recorded_at) AS changed_at
FROM verification_request AS request
JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id
JOIN lab_session AS session ON session.id = attempt.lab_session_id
JOIN push ON push.id = attempt.push_id
LEFT JOIN attempt_snapshot AS kept ON kept.lab_attempt_id = attempt.id
LEFT JOIN snapshot ON snapshot.id = kept.snapshot_id
LEFT JOIN LATERAL (
    SELECT verification.try_number, verification.result, verification.cause,
        verification.retry_at, verification.recorded_at
    FROM verification_attempt AS verification
    WHERE verification.request_id = request.id
    ORDER BY verification.try_number DESC
    LIMIT 1
) AS newest ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS times, max(asked.recorded_at) AS recorded_at
    FROM work_remade AS asked
    WHERE asked.request_id = request.id
) AS remade
WHERE request.id > $1 AND request.id <= $2
    AND (newest.result IS NULL OR newest.retry_at IS NOT NULL)
ORDER BY request.id
