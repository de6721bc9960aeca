-- The result that counts for each session of a lab. An error is nobody's result, and what was
-- received after the deadline counts for nothing.
WITH chosen AS (
    SELECT id FROM lab WHERE slug = $1
), judged AS (
    SELECT
        session.id AS session_id,
        attempt.commit_sha,
        attempt.received_at,
        result.result,
        result.points,
        result.points_max,
        row_number() OVER (
            PARTITION BY session.id
            ORDER BY
                CASE WHEN version.spec #>> '{session,counts}' = 'latest' THEN NULL
                    ELSE result.points END DESC NULLS LAST,
                CASE WHEN version.spec #>> '{session,counts}' = 'latest'
                    THEN attempt.received_at END DESC NULLS LAST,
                attempt.received_at,
                attempt.id
        ) AS place
    FROM lab_session AS session
    JOIN chosen ON chosen.id = session.lab_id
    JOIN lab_version AS version ON version.id = session.lab_version_id
    JOIN lab_attempt AS attempt ON attempt.lab_session_id = session.id
    JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
    JOIN verification_result AS result ON result.request_id = request.id
    WHERE result.result IN ('pass', 'fail')
        AND (session.closes_at IS NULL OR attempt.received_at <= session.closes_at)
), tally AS (
    SELECT
        attempt.lab_session_id AS session_id,
        count(DISTINCT attempt.id) AS attempts,
        count(DISTINCT attempt.id) FILTER (WHERE attempt.received_at > session.closes_at) AS late,
        count(DISTINCT request.id) FILTER (WHERE result.result = 'error') AS errors,
        count(DISTINCT request.id) FILTER (WHERE request.id IS NOT NULL AND result.id IS NULL)
            AS waiting
    FROM lab_attempt AS attempt
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
    coalesce(tally.attempts, 0) AS attempts,
    coalesce(tally.late, 0) AS late,
    coalesce(tally.errors, 0) AS errors,
    coalesce(tally.waiting, 0) AS waiting
FROM lab_session AS session
JOIN chosen ON chosen.id = session.lab_id
JOIN lab_version AS version ON version.id = session.lab_version_id
LEFT JOIN judged ON judged.session_id = session.id AND judged.place = 1
LEFT JOIN tally ON tally.session_id = session.id
ORDER BY session.repository, session.generation
