-- Microseconds since 1970: a time of the client's own would need a library for it.
SELECT
    receipt.forge_delivery,
    (extract(epoch FROM delivery.received_at) * 1000000)::int8,
    (extract(epoch FROM delivery.recorded_at) * 1000000)::int8,
    (extract(epoch FROM preserved.recorded_at) * 1000000)::int8,
    (extract(epoch FROM tried.recorded_at) * 1000000)::int8,
    (extract(epoch FROM leaf.logged_at) * 1000000)::int8
FROM verification_attempt AS tried
JOIN verification_request AS request ON request.id = tried.request_id
JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id
JOIN delivery ON delivery.id = attempt.delivery_id
JOIN delivery_receipt AS receipt ON receipt.delivery_id = delivery.id
LEFT JOIN attempt_snapshot AS preserved ON preserved.lab_attempt_id = attempt.id
-- The push's last leaf of a result: one push is one trace.
LEFT JOIN (
    SELECT entry.trace_id, max(leaf.recorded_at) AS logged_at
    FROM audit_entry AS entry
    JOIN ledger_leaf AS leaf ON leaf.audit_entry_id = entry.id
    WHERE entry.action IN ('verification-recorded', 'unchecked-recorded')
    GROUP BY entry.trace_id
) AS leaf ON leaf.trace_id = request.trace_id
