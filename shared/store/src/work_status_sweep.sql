-- Attempts whose newest request, or its newest try, is not what was told last.
INSERT INTO work.status_due (lab_attempt_id, source, repository, noted_at)
SELECT attempt.id, $1, session.repository, $3
FROM verification_request AS request
JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id
JOIN lab_session AS session ON session.id = attempt.lab_session_id
LEFT JOIN LATERAL (
    SELECT try_number
    FROM verification_attempt
    WHERE request_id = request.id
    ORDER BY try_number DESC
    LIMIT 1
) AS tried ON true
LEFT JOIN LATERAL (
    SELECT request_id, try_number
    FROM status_report
    WHERE lab_attempt_id = attempt.id
    ORDER BY number DESC
    LIMIT 1
) AS told ON true
WHERE request.recorded_at >= $2
    AND split_part(session.repository, ':', 1) = $1
    AND (told.request_id IS DISTINCT FROM request.id
        OR told.try_number IS DISTINCT FROM tried.try_number)
    -- What is verified again in bulk keeps its mark until it is judged.
    AND (request.lane <> 'bulk' OR tried.try_number IS NOT NULL OR told.request_id IS NULL)
    AND NOT EXISTS (
        SELECT FROM verification_request AS newer
        WHERE newer.lab_attempt_id = attempt.id
            AND (newer.recorded_at, newer.id) > (request.recorded_at, request.id)
    )
    -- A later session of the same lab speaks for the commit.
    AND NOT EXISTS (
        SELECT FROM lab_session AS later
        JOIN lab_attempt AS same
            ON same.lab_session_id = later.id AND same.commit_sha = attempt.commit_sha
        WHERE later.lab_id = session.lab_id
            AND later.repository = session.repository
            AND later.generation > session.generation
    )
ORDER BY attempt.id
ON CONFLICT (lab_attempt_id) DO NOTHING
