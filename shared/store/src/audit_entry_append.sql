-- One statement, so that an entry and its pending row cannot come apart.
WITH given AS (
    SELECT id, action, entry, digest, trace_id, recorded_at, traceparent
    FROM UNNEST($1, $2, $3, $4, $5, $6, $7)
        AS rows (id, action, entry, digest, trace_id, recorded_at, traceparent)
), added AS (
    INSERT INTO audit_entry (id, action, entry, digest, trace_id, recorded_at)
    SELECT id, action, entry, digest, trace_id, recorded_at FROM given
    ON CONFLICT DO NOTHING
    RETURNING id
)
INSERT INTO ledger_pending (audit_entry_id, traceparent)
SELECT added.id, given.traceparent FROM added JOIN given USING (id)
