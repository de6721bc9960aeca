-- Each asked by itself, as long as none is found: LIMIT and OFFSET 0 keep it so. A plan that joins would
-- read whole tables.
SELECT asked.repository
FROM UNNEST($1) AS asked (repository)
CROSS JOIN LATERAL (
    SELECT FROM push
    JOIN lab_session ON lab_session.repository = push.repository
    WHERE push.repository = asked.repository
        AND push.after_sha IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM lab_attempt
            WHERE lab_attempt.lab_session_id = lab_session.id
                AND lab_attempt.commit_sha = push.after_sha
            OFFSET 0
        )
    LIMIT 1
) AS waiting
