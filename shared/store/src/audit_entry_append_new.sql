-- One statement, so that an entry and its pending row cannot come apart.
WITH pending AS (
    INSERT INTO ledger_pending (audit_entry_id, traceparent) SELECT UNNEST($1), UNNEST($7)
)
INSERT INTO audit_entry (id, action, entry, digest, trace_id, recorded_at)
SELECT UNNEST($1), UNNEST($2), UNNEST($3), UNNEST($4), UNNEST($5), UNNEST($6)
