DELETE FROM ledger_pending WHERE audit_entry_id = ANY($1)
INSERT INTO lane_hole (id, lane_id, number, delivery_id, what, sequence, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO lane_manifest (id, lane_id, from_number, through_number, given_number, void, spooled, sources, deliveries, sequence_first, sequence_last, closing, said_at, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO ledger_leaf (epoch, leaf_index, audit_entry_id, leaf_hash, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5)
INSERT INTO ledger_pending (audit_entry_id) SELECT audit_entry_id FROM ledger_leaf WHERE epoch = $1 AND leaf_index >= $2 ORDER BY leaf_index ON CONFLICT DO NOTHING
INSERT INTO log_checkpoint (origin, tree_size, root_hash, note, recorded_at) VALUES ($1, $2, $3, $4, $5)
INSERT INTO log_epoch (epoch, origin, previous_origin, previous_size, previous_root, previous_note, reason, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
INSERT INTO log_epoch (epoch, origin, previous_origin, previous_size, previous_root, previous_note, reason, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
INSERT INTO log_head (origin, tree_size, root_hash, frontier, updated_at, epoch) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
INSERT INTO work.lane AS kept (lane_id, given_number, through_number, spool_records, closed, opened_at, heard_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (lane_id) DO UPDATE SET given_number = greatest(kept.given_number, excluded.given_number), through_number = greatest(kept.through_number, excluded.through_number), spool_records = CASE WHEN excluded.heard_at >= kept.heard_at THEN excluded.spool_records ELSE kept.spool_records END, closed = kept.closed OR excluded.closed, heard_at = greatest(kept.heard_at, excluded.heard_at)
SELECT (SELECT count(*) FROM (SELECT 1 FROM ledger_pending LIMIT $1) AS counted) AS pending, (SELECT recorded_at FROM audit_entry WHERE id = (SELECT audit_entry_id FROM ledger_pending ORDER BY queued LIMIT 1)) AS oldest
SELECT * FROM lane_hole WHERE what = 'handed-again' ORDER BY recorded_at DESC LIMIT $1
SELECT * FROM lane_manifest WHERE lane_id = $1 AND through_number > $2 ORDER BY through_number, from_number LIMIT $3
SELECT * FROM work.lane WHERE judged_number < through_number ORDER BY heard_at DESC LIMIT $1
SELECT 1
SELECT DISTINCT number FROM lane_message WHERE lane_id = $1 AND number > $2 AND number <= $3
SELECT audit_entry_id, traceparent FROM ledger_pending ORDER BY queued LIMIT $1
SELECT count(*) FROM lane_hole h WHERE h.what = 'missing' AND NOT EXISTS ( SELECT FROM lane_hole f WHERE f.lane_id = h.lane_id AND f.number = h.number AND f.what = 'found')
SELECT count(*) FROM work.lane WHERE NOT closed AND heard_at >= $1 AND heard_at < $2
SELECT delivery_id FROM delivery_receipt WHERE delivery_id = ANY($1)
SELECT entry.id AS audit_entry_id, leaf.epoch, leaf.leaf_index, entry.entry, EXISTS (SELECT FROM log_checkpoint AS signed WHERE signed.origin = named.origin AND signed.tree_size > leaf.leaf_index) AS covered FROM audit_entry AS entry JOIN ledger_leaf AS leaf ON leaf.audit_entry_id = entry.id JOIN log_epoch AS named ON named.epoch = leaf.epoch WHERE entry.action = 'log.key' ORDER BY leaf.epoch, leaf.leaf_index
SELECT epoch, origin, previous_origin, previous_size, previous_root, previous_note, reason, recorded_at FROM log_epoch ORDER BY epoch
SELECT h.* FROM lane_hole h WHERE h.what = 'missing' AND NOT EXISTS ( SELECT FROM lane_hole f WHERE f.lane_id = h.lane_id AND f.number = h.number AND f.what = 'found' ) ORDER BY h.recorded_at, h.lane_id, h.number LIMIT $1
SELECT head.epoch, head.origin, head.tree_size, head.root_hash, head.frontier, (SELECT max(leaf_index) FROM ledger_leaf WHERE epoch = head.epoch) AS last_leaf, newest.tree_size AS checkpoint_size, newest.root_hash AS checkpoint_root FROM log_head AS head LEFT JOIN LATERAL (SELECT tree_size, root_hash FROM log_checkpoint WHERE origin = head.origin ORDER BY tree_size DESC LIMIT 1) AS newest ON true
SELECT id, backup_id, recorded_at FROM restore_unfinished ORDER BY recorded_at DESC LIMIT 1
SELECT id, entry, digest, recorded_at FROM audit_entry WHERE id = ANY($1)
SELECT leaf.epoch, leaf.leaf_index, leaf.audit_entry_id, leaf.leaf_hash, leaf.recorded_at, audit_entry.action, audit_entry.entry, audit_entry.digest, audit_entry.trace_id, audit_entry.recorded_at AS entry_recorded_at FROM ledger_leaf AS leaf LEFT JOIN audit_entry ON audit_entry.id = leaf.audit_entry_id WHERE leaf.epoch = $1 AND leaf.leaf_index >= $2 ORDER BY leaf.leaf_index LIMIT $3
SELECT leaf_hash FROM ledger_leaf WHERE epoch = $1 AND leaf_index >= $2 ORDER BY leaf_index LIMIT $3
SELECT number FROM lane_hole WHERE lane_id = $1 AND number > $2 AND number <= $3 AND what = 'missing'
SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v WHERE oid IS NOT NULL
SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint WHERE origin = $1 AND tree_size = $2
SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint WHERE origin = $1 AND tree_size > $2 ORDER BY tree_size LIMIT $3
SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint WHERE origin = $1 ORDER BY tree_size DESC LIMIT 1
SELECT pg_try_advisory_lock($1) AS yes
SELECT to_regclass('restore_unfinished') IS NOT NULL AS there
SELECT version FROM schema_version ORDER BY version
UPDATE log_head SET tree_size = $1, root_hash = $2, frontier = $3, updated_at = $4, epoch = $5, origin = $6 WHERE epoch = $7 AND origin = $8 AND tree_size = $9 AND root_hash = $10
UPDATE work.lane SET judged_number = $2 WHERE lane_id = $1 AND judged_number < $2
