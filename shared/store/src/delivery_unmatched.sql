SELECT
    delivery.id, delivery.source, receipt.forge_delivery, delivery.event, waiting.body_digest,
    CASE WHEN waiting.body_digest = delivery.body_digest THEN delivery.body_bytes END AS body_bytes,
    delivery.key, body.owner_id, body.sealed_headers, delivery.lane_id, delivery.lane_number, waiting.received_at
FROM (
    -- A delivery may hold several refs, and the same delivery id may have come with another body.
    SELECT DISTINCT push.received_at, push.delivery_id, push.body_digest
    FROM push
    JOIN lab_session ON lab_session.repository = push.repository
    WHERE push.repository = $1
        AND push.after_sha IS NOT NULL
        AND (push.received_at, push.delivery_id, push.body_digest) > ($2, $3, $4)
        AND NOT EXISTS (
            SELECT FROM lab_attempt
            WHERE lab_attempt.lab_session_id = lab_session.id
                AND lab_attempt.commit_sha = push.after_sha
        )
    ORDER BY push.received_at, push.delivery_id, push.body_digest
    LIMIT $5
) AS waiting
JOIN delivery ON delivery.id = waiting.delivery_id
JOIN delivery_receipt AS receipt ON receipt.delivery_id = delivery.id
JOIN privacy.delivery_body AS body
    ON body.delivery_id = waiting.delivery_id AND body.body_digest = waiting.body_digest
ORDER BY waiting.received_at, waiting.delivery_id, waiting.body_digest
