-- A text column is unique by itself where an index that is unique has no id among its columns but those
-- of labs, which are not copied.
SELECT format('%I.%I', n.nspname, c.relname), a.attname::text,
    t.typname = 'uuid',
    t.typname IN ('text', 'varchar') AND EXISTS (
        SELECT FROM pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey)
          AND NOT EXISTS (
            SELECT FROM pg_attribute AS k
            JOIN pg_type AS kt ON kt.oid = k.atttypid
            WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey) AND kt.typname = 'uuid'
              AND k.attname <> ALL (ARRAY['lab_id', 'lab_version_id']))
        -- Of several texts the last one is enough, and the first is a kind.
        AND a.attnum = (
            SELECT max(k.attnum) FROM pg_attribute AS k
            JOIN pg_type AS kt ON kt.oid = k.atttypid
            WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
              AND kt.typname IN ('text', 'varchar')))
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relkind = 'r' AND n.nspname IN ('public', 'privacy')
  AND a.attgenerated = '' AND a.attidentity = ''
  AND c.relname <> ALL (ARRAY['lab', 'lab_version', 'command', 'log_head', 'log_epoch',
    'log_checkpoint', 'ledger_leaf', 'ledger_pending', 'lane_manifest', 'lane_hole',
    'dead_letter', 'erasure', 'legal_hold', 'removal', 'restore', 'restore_step',
    'reconciliation', 'reconciliation_gap', '__diesel_schema_migrations'])
ORDER BY n.nspname, c.relname, a.attnum
