-- One statement, so that an entry and its pending row cannot come apart.
WITH pending AS (
    INSERT INTO ledger_pending (audit_entry_id, traceparent) SELECT * FROM UNNEST($1, $7)
)
INSERT INTO audit_entry (id, action, entry, digest, trace_id, recorded_at)
SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6)
