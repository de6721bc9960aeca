SELECT leaf.epoch, leaf.leaf_index, leaf.audit_entry_id, leaf.leaf_hash, leaf.recorded_at,
       audit_entry.action, audit_entry.entry, audit_entry.digest, audit_entry.trace_id,
       audit_entry.recorded_at AS entry_recorded_at
FROM ledger_leaf AS leaf
LEFT JOIN audit_entry ON audit_entry.id = leaf.audit_entry_id
