DELETE FROM work.status_due WHERE lab_attempt_id = $1 AND hints = $2
DELETE FROM work.status_trouble WHERE source = $1 AND repository = ANY($2)
INSERT INTO status_report (id, lab_attempt_id, number, request_id, try_number, state, digest, outcome, reason, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO work.status_trouble (source, repository, reason, since, again_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, repository) DO UPDATE SET reason = excluded.reason, again_at = excluded.again_at
SELECT * FROM work.status_trouble ORDER BY source, repository
SELECT 1
SELECT id, backup_id, recorded_at FROM restore_unfinished ORDER BY recorded_at DESC LIMIT 1
SELECT lab_attempt_id, repository, hints FROM work.status_due AS due WHERE source = $1 AND NOT EXISTS (SELECT FROM work.status_trouble AS trouble WHERE trouble.source = due.source AND trouble.repository IN ('', due.repository) AND trouble.again_at > $2) ORDER BY noted_at, lab_attempt_id LIMIT $3
SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v WHERE oid IS NOT NULL
SELECT pg_try_advisory_lock(hashtextextended('status:' || $1, 0)) AS yes
SELECT source, count(*) AS attempts FROM work.status_due GROUP BY source ORDER BY source
SELECT to_regclass('restore_unfinished') IS NOT NULL AS there
SELECT version FROM schema_version ORDER BY version
UPDATE work.status_trouble SET again_at = $2 WHERE source = $1 AND again_at > $2
