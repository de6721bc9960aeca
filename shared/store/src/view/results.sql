-- The result that counts for each session of a lab. An error is nobody's result, and what was
-- received after the deadline counts for nothing. An attempt that was verified again has the newest
-- of its results: whoever ordered that corrected the others.
WITH chosen AS (
    SELECT id FROM lab WHERE slug = $1
), answered AS (
    SELECT DISTINCT ON (attempt.id)
        attempt.lab_session_id AS session_id,
        attempt.id,
        attempt.commit_sha,
        received.received_at,
        result.result,
        result.points,
        result.points_max,
        result.id AS result_id,
        request.cause
    FROM lab_session AS session
    JOIN chosen ON chosen.id = session.lab_id
    JOIN lab_attempt AS attempt ON attempt.lab_session_id = session.id
    JOIN lab_attempt_received AS received ON received.lab_attempt_id = attempt.id
    JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
    JOIN verification_result AS result ON result.request_id = request.id
    WHERE result.result IN ('pass', 'fail')
    ORDER BY attempt.id, result.recorded_at DESC, result.id
), judged AS (
    SELECT
        answered.*,
        row_number() OVER (
            PARTITION BY session.id
            ORDER BY
                CASE WHEN version.spec #>> '{session,counts}' = 'latest' THEN NULL
                    ELSE answered.points END DESC NULLS LAST,
                CASE WHEN version.spec #>> '{session,counts}' = 'latest'
                    THEN answered.received_at END DESC NULLS LAST,
                answered.received_at,
                answered.id
        ) AS place
    FROM answered
    JOIN lab_session AS session ON session.id = answered.session_id
    JOIN lab_version AS version ON version.id = session.lab_version_id
    WHERE session.closes_at IS NULL OR answered.received_at <= session.closes_at
), tally AS (
    SELECT
        attempt.lab_session_id AS session_id,
        count(DISTINCT attempt.id) AS attempts,
        count(DISTINCT attempt.id) FILTER (WHERE received.received_at > session.closes_at) AS late,
        count(DISTINCT request.id) FILTER (WHERE result.result = 'error') AS errors,
        count(DISTINCT request.id) FILTER (WHERE request.id IS NOT NULL AND result.id IS NULL)
            AS waiting
    FROM lab_attempt AS attempt
    JOIN lab_attempt_received AS received ON received.lab_attempt_id = attempt.id
    JOIN lab_session AS session ON session.id = attempt.lab_session_id
    JOIN chosen ON chosen.id = session.lab_id
    LEFT JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
    LEFT JOIN verification_result AS result ON result.request_id = request.id
    GROUP BY attempt.lab_session_id
)
SELECT
    session.id AS session,
    session.repository,
    version.number AS lab_version,
    judged.result,
    judged.points,
    coalesce(judged.points_max, 0) AS points_max,
    judged.commit_sha,
    judged.received_at,
    judged.cause,
    command.actor AS ordered_by,
    command.body ->> 'reason' AS order_reason,
    CASE
        WHEN EXISTS (
            SELECT FROM attempt_erased AS erased WHERE erased.lab_attempt_id = judged.id
        ) THEN 'erased'
        WHEN EXISTS (
            SELECT FROM removal WHERE kind = 'log' AND subject_id = judged.result_id
        ) OR EXISTS (
            SELECT FROM removal
            JOIN attempt_snapshot AS kept ON kept.snapshot_id = removal.subject_id
            WHERE removal.kind = 'snapshot' AND kept.lab_attempt_id = judged.id
        ) THEN 'removed'
    END AS gone,
    coalesce(tally.attempts, 0) AS attempts,
    coalesce(tally.late, 0) AS late,
    coalesce(tally.errors, 0) AS errors,
    coalesce(tally.waiting, 0) AS waiting
FROM lab_session AS session
JOIN chosen ON chosen.id = session.lab_id
JOIN lab_version AS version ON version.id = session.lab_version_id
LEFT JOIN judged ON judged.session_id = session.id AND judged.place = 1
LEFT JOIN command ON command.id
    = CASE WHEN judged.cause LIKE 'command:%' THEN substring(judged.cause FROM 9)::uuid END
LEFT JOIN tally ON tally.session_id = session.id
ORDER BY session.repository, session.generation
