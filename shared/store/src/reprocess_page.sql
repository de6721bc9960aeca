-- Bounded by what is looked at, not by what is found: each page costs the same. What belongs to an
-- attempt is looked up for each one (LIMIT 1), so that no plan goes through a whole table for it.
WITH page AS MATERIALIZED (
    SELECT attempt.*
    FROM lab_attempt AS attempt
    WHERE attempt.recorded_at <= {moment}{beyond}{attempt}
    ORDER BY attempt.received_at, attempt.id
    LIMIT {limit}
)
SELECT
    attempt.id,
    attempt.received_at,
    coalesce({chosen}, false) AS chosen,
    attempt.commit_sha,
    attempt.branch,
    attempt.trace_id,
    attempt.delivery_id,
    attempt.push_id,
    push.before_sha,
    push.after_sha,
    session.id AS session_id,
    session.repository,
    session.starting_commit,
    session.lab_version_id AS pinned_version,
    (
        SELECT version.id
        FROM lab_version AS version
        WHERE version.lab_id = session.lab_id AND version.recorded_at <= {moment}
        ORDER BY version.number DESC
        LIMIT 1
    ) AS newest_version,
    kept.digest AS snapshot_digest
FROM page AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
CROSS JOIN LATERAL (
    SELECT before_sha, after_sha FROM push WHERE push.id = attempt.push_id LIMIT 1
) AS push
LEFT JOIN LATERAL (
    SELECT snapshot.digest
    FROM attempt_snapshot
    JOIN snapshot ON snapshot.id = attempt_snapshot.snapshot_id
    WHERE attempt_snapshot.lab_attempt_id = attempt.id
    LIMIT 1
) AS kept ON true
{newest}
ORDER BY attempt.received_at, attempt.id
