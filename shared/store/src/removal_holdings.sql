SELECT 'snapshot' AS kind, snapshot.digest, EXISTS (
    SELECT FROM removal WHERE removal.kind = 'snapshot' AND removal.subject_id = snapshot.id
) AS removed
FROM snapshot
WHERE snapshot.lab_session_id = $1
UNION
SELECT 'log', tried.log_digest, EXISTS (
    SELECT FROM removal WHERE removal.kind = 'log' AND removal.subject_id = tried.id
)
FROM lab_attempt AS attempt
JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
JOIN verification_attempt AS tried ON tried.request_id = request.id
WHERE attempt.lab_session_id = $1 AND tried.log_digest IS NOT NULL
UNION
-- A verification that was run again left a log too, which goes with the first one's.
SELECT 'log', again.result ->> 'log_digest', EXISTS (
    SELECT FROM removal WHERE removal.kind = 'log' AND removal.subject_id = tried.id
)
FROM lab_attempt AS attempt
JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
JOIN verification_attempt AS tried ON tried.request_id = request.id
JOIN command AS again ON again.kind = 'replay'
    AND again.body ->> 'verification' = tried.id::text
WHERE attempt.lab_session_id = $1 AND again.result ->> 'log_digest' IS NOT NULL
