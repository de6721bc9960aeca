-- In the order of the attempts: two that note the same ones never wait for each other.
INSERT INTO work.status_due (lab_attempt_id, source, repository, noted_at)
SELECT attempt.id, split_part(session.repository, ':', 1), session.repository, $5
FROM lab_attempt AS attempt
JOIN lab_session AS session ON session.id = attempt.lab_session_id
WHERE attempt.id IN (
    SELECT unnest($1)
    UNION
    SELECT lab_attempt_id FROM verification_request WHERE id = ANY($2)
    UNION
    SELECT request.lab_attempt_id
    FROM verification_attempt AS tried
    JOIN verification_request AS request ON request.id = tried.request_id
    WHERE tried.id = ANY($3)
)
AND split_part(session.repository, ':', 1) = ANY($4)
ORDER BY attempt.id
ON CONFLICT (lab_attempt_id) DO UPDATE SET hints = status_due.hints + 1
