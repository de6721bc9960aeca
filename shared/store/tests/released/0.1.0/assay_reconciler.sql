INSERT INTO command (id, kind, actor, body, outcome, reason, result, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO reconciliation (id, source, cause, repository, since_at, began_at, hooks, deliveries, repositories, refs, delivery_gaps, ref_gaps, deliveries_complete, oldest_gap_at, outcome, reason, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO reconciliation_gap (id, reconciliation_id, source, kind, subject, repository, ref_name, before_sha, after_sha, event, first_attempt_at, last_status, action, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING RETURNING id AS key
SELECT * FROM command WHERE id = $1
SELECT * FROM reconciliation WHERE source = $1 AND began_at <= $2 AND deliveries_complete AND repository IS NULL ORDER BY began_at DESC LIMIT 1
SELECT 1
SELECT DISTINCT ON (source) * FROM reconciliation WHERE repository IS NULL AND began_at <= $1 ORDER BY source, began_at DESC
SELECT forge_delivery FROM delivery_receipt WHERE source = $1 AND forge_delivery = ANY($2)
SELECT id, backup_id, recorded_at FROM restore_unfinished ORDER BY recorded_at DESC LIMIT 1
SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v WHERE oid IS NOT NULL
SELECT pg_try_advisory_lock(hashtextextended('reconcile:' || $1, 0)) AS yes
SELECT to_regclass('restore_unfinished') IS NOT NULL AS there
SELECT version FROM schema_version ORDER BY version
