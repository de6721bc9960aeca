-- Every request to verify an attempt, with its tries; one without a try is there too.
SELECT attempt.id AS attempt_id, attempt.lab_session_id AS session_id, request.id AS request_id,
    tried.id AS verification_id, tried.try_number, tried.result, tried.cause, tried.detail, tried.points, tried.points_max,
    tried.steps, tried.peaks, tried.log_digest, tried.log_bytes, tried.retry_at,
    tried.finished_at
FROM lab_attempt AS attempt
JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
LEFT JOIN verification_attempt AS tried ON tried.request_id = request.id
WHERE attempt.id = $1
ORDER BY request.recorded_at DESC, request.id DESC, tried.try_number DESC
LIMIT $2
