SELECT
    delivery.id, delivery.source, receipt.forge_delivery, delivery.event, delivery.body_digest,
    delivery.body_bytes, delivery.key, body.headers, delivery.lane_id, delivery.lane_number,
    delivery.received_at
FROM delivery
JOIN delivery_receipt AS receipt ON receipt.delivery_id = delivery.id
JOIN privacy.delivery_body AS body
    ON body.delivery_id = delivery.id AND body.body_digest = delivery.body_digest
WHERE delivery.id IN (
    SELECT push.delivery_id
    FROM push
    JOIN lab_session ON lab_session.repository = push.repository
    WHERE push.repository = $1
        AND push.after_sha IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM lab_attempt
            WHERE lab_attempt.lab_session_id = lab_session.id
                AND lab_attempt.commit_sha = push.after_sha
        )
)
ORDER BY delivery.received_at
LIMIT $2
