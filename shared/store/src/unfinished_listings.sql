-- A push whose commits git must list, and of whose parts not all are recorded; by its head.
SELECT
    push.id AS place,
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
    true AS lists,
    remade.times AS remade,
    greatest(due.recorded_at, remade.recorded_at) AS changed_at
FROM listing_due AS due
CROSS JOIN LATERAL (SELECT * FROM push WHERE push.id = due.push_id LIMIT 1) AS push
JOIN lab_session AS session ON session.id = due.lab_session_id
CROSS JOIN LATERAL (
    SELECT *
    FROM lab_attempt
    WHERE lab_session_id = due.lab_session_id AND commit_sha = push.after_sha
    LIMIT 1
) AS attempt
CROSS JOIN LATERAL (
    SELECT count(*) AS times, max(asked.recorded_at) AS recorded_at
    FROM work_remade AS asked
    WHERE asked.lab_attempt_id = attempt.id AND asked.request_id IS NULL
) AS remade
WHERE due.push_id > $1 AND due.push_id <= $2
    AND NOT EXISTS (
        SELECT FROM listing_part AS part
        WHERE part.push_id = due.push_id AND part.lab_session_id = due.lab_session_id
        GROUP BY part.parts
        HAVING count(*) = part.parts
    )
ORDER BY due.push_id
