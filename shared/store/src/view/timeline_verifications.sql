SELECT verification.*, request.lab_attempt_id, request.recorded_at AS requested_at,
    (
        SELECT min(claim.recorded_at)
        FROM verification_claim AS claim
        WHERE claim.request_id = request.id AND claim.try_number = verification.try_number
    ) AS claimed_at
FROM verification_attempt AS verification
JOIN verification_request AS request ON request.id = verification.request_id
JOIN push ON request.cause = 'push:' || push.id
WHERE push.delivery_id = $1
ORDER BY verification.recorded_at
