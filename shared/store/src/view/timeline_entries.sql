SELECT entry.id, entry.action, entry.recorded_at, leaf.leaf_index, leaf.recorded_at AS leaf_at,
    (
        SELECT min(checkpoint.tree_size) FROM log_checkpoint AS checkpoint
        WHERE checkpoint.tree_size > leaf.leaf_index
    ) AS checkpoint_size,
    (
        SELECT min(checkpoint.recorded_at) FROM log_checkpoint AS checkpoint
        WHERE checkpoint.tree_size > leaf.leaf_index
    ) AS checkpoint_at
FROM audit_entry AS entry
LEFT JOIN ledger_leaf AS leaf ON leaf.audit_entry_id = entry.id
WHERE entry.trace_id = $1
ORDER BY entry.recorded_at, leaf.leaf_index
