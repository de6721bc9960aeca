-- What this delivery's pushes had verified, and what orders had verified again of its attempts.
WITH asked AS (
    SELECT request.*
    FROM push JOIN verification_request AS request ON request.cause = 'push:' || push.id
    WHERE push.delivery_id = $1
    UNION
    SELECT request.*
    FROM lab_attempt AS attempt
    JOIN verification_request AS request ON request.lab_attempt_id = attempt.id
    WHERE attempt.push_id = ANY (ARRAY(SELECT id FROM push WHERE delivery_id = $1))
        AND request.cause LIKE 'command:%'
)
SELECT verification.*, asked.lab_attempt_id, asked.recorded_at AS requested_at,
    command.id AS command_id, command.actor AS ordered_by,
    command.body ->> 'reason' AS order_reason,
    (
        SELECT min(claim.recorded_at)
        FROM verification_claim AS claim
        WHERE claim.request_id = asked.id AND claim.try_number = verification.try_number
    ) AS claimed_at
FROM verification_attempt AS verification
JOIN asked ON asked.id = verification.request_id
LEFT JOIN command ON command.id
    = CASE WHEN asked.cause LIKE 'command:%' THEN substring(asked.cause FROM 9)::uuid END
ORDER BY verification.recorded_at
