SELECT
    count(*) AS requests,
    count(*) FILTER (WHERE newest.result = 'pass') AS passed,
    count(*) FILTER (WHERE newest.result = 'fail') AS failed,
    count(*) FILTER (WHERE newest.result IN ('error', 'superseded', 'unchecked')) AS errors,
    count(*) FILTER (WHERE newest.result IS NULL) AS waiting
FROM verification_request AS request
LEFT JOIN LATERAL (
    SELECT verification.result
    FROM verification_attempt AS verification
    WHERE verification.request_id = request.id
    ORDER BY verification.try_number DESC
    LIMIT 1
) AS newest ON true
WHERE request.cause = $1
