SELECT entry.id, entry.action, entry.recorded_at, leaf.leaf_index, leaf.recorded_at AS leaf_at,
    covering.tree_size AS checkpoint_size, covering.recorded_at AS checkpoint_at
FROM audit_entry AS entry
-- The newest: an entry that was not signed before an epoch ended has another in the next one.
LEFT JOIN LATERAL (
    SELECT epoch, leaf_index, recorded_at FROM ledger_leaf
    WHERE audit_entry_id = entry.id ORDER BY epoch DESC LIMIT 1
) AS leaf ON true
LEFT JOIN log_epoch ON log_epoch.epoch = leaf.epoch
LEFT JOIN LATERAL (
    SELECT tree_size, recorded_at FROM log_checkpoint
    WHERE origin = log_epoch.origin AND tree_size > leaf.leaf_index ORDER BY tree_size LIMIT 1
) AS covering ON true
WHERE entry.trace_id = $1
ORDER BY entry.recorded_at, leaf.leaf_index
