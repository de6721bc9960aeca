-- How an attempt stands by its newest request, and what was told of it last.
SELECT
    session.id AS session_id,
    session.repository,
    attempt.commit_sha,
    lab.slug AS lab,
    coalesce(received.received_at > session.closes_at, false) AS late,
    EXISTS (
        SELECT FROM lab_session AS later
        JOIN lab_attempt AS same
            ON same.lab_session_id = later.id AND same.commit_sha = attempt.commit_sha
        WHERE later.lab_id = session.lab_id
            AND later.repository = session.repository
            AND later.generation > session.generation
    ) AS outdone,
    request.id AS request_id,
    request.lane,
    tried.try_number,
    tried.result,
    tried.cause,
    tried.detail,
    tried.points,
    tried.points_max,
    tried.retry_at,
    coalesce(told.number, 0) AS told_number,
    told.request_id AS told_request_id,
    told.try_number AS told_try_number
FROM lab_attempt AS attempt
JOIN lab_attempt_received AS received ON received.lab_attempt_id = attempt.id
JOIN lab_session AS session ON session.id = attempt.lab_session_id
JOIN lab ON lab.id = session.lab_id
JOIN LATERAL (
    SELECT id, lane
    FROM verification_request
    WHERE lab_attempt_id = attempt.id
    ORDER BY recorded_at DESC, id DESC
    LIMIT 1
) AS request ON true
LEFT JOIN LATERAL (
    SELECT *
    FROM verification_attempt
    WHERE request_id = request.id
    ORDER BY try_number DESC
    LIMIT 1
) AS tried ON true
LEFT JOIN LATERAL (
    SELECT number, request_id, try_number
    FROM status_report
    WHERE lab_attempt_id = attempt.id
    ORDER BY number DESC
    LIMIT 1
) AS told ON true
WHERE attempt.id = $1
