-- An attempt whose tree is not preserved and that nobody asked to verify: where somebody did, the
-- request tells of it.
WITH attempt AS MATERIALIZED (
    SELECT *
    FROM lab_attempt
    WHERE id > $1 AND id <= $2
        AND (SELECT lab_attempt_id FROM attempt_snapshot
            WHERE lab_attempt_id = lab_attempt.id LIMIT 1) IS NULL
        AND (SELECT id FROM verification_request
            WHERE lab_attempt_id = lab_attempt.id LIMIT 1) IS NULL
)
SELECT
    attempt.id AS place,
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
    NULL AS snapshot_digest,
    NULL::uuid AS request_id,
    NULL AS lane,
    0 AS tries,
    false AS tree_was_missing,
    NULL::timestamptz AS retry_at,
    false AS lists,
    remade.times AS remade,
    greatest(attempt.recorded_at, remade.recorded_at) AS changed_at
FROM attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
CROSS JOIN LATERAL (SELECT * FROM push WHERE push.id = attempt.push_id LIMIT 1) AS push
CROSS JOIN LATERAL (
    SELECT count(*) AS times, max(asked.recorded_at) AS recorded_at
    FROM work_remade AS asked
    WHERE asked.lab_attempt_id = attempt.id AND asked.request_id IS NULL
) AS remade
ORDER BY attempt.id
