-- OFFSET 0 keeps the look-up of each entry by its key, whatever the statistics say. A join of a page
-- was given a second worker, whose start took longer than the work.
SELECT leaf.epoch, leaf.leaf_index, leaf.audit_entry_id, leaf.leaf_hash, leaf.recorded_at,
       kept.action, kept.entry, kept.digest, kept.trace_id, kept.recorded_at AS entry_recorded_at
FROM ledger_leaf AS leaf
LEFT JOIN LATERAL (
    SELECT action, entry, digest, trace_id, recorded_at FROM audit_entry
    WHERE id = leaf.audit_entry_id OFFSET 0
) AS kept ON true
