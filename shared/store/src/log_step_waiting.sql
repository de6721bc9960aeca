-- The entries that wait, in the order they were queued, each with its text. OFFSET 0 keeps the
-- look-up of each entry by its key: a join would be planned from statistics that a table which is
-- empty most of the time does not have.
SELECT waiting.audit_entry_id, waiting.traceparent,
       entry.action, entry.entry, entry.digest, entry.trace_id, entry.recorded_at
FROM (
    SELECT audit_entry_id, traceparent, queued FROM ledger_pending ORDER BY queued LIMIT $1
) AS waiting
CROSS JOIN LATERAL (
    SELECT action, entry, digest, trace_id, recorded_at FROM audit_entry
    WHERE id = waiting.audit_entry_id OFFSET 0
) AS entry
ORDER BY waiting.queued
