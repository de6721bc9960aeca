INSERT INTO attempt_snapshot (lab_attempt_id, snapshot_id, differs, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING lab_attempt_id AS key
INSERT INTO command (id, kind, actor, body, outcome, reason, result, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO lab (id, slug, recorded_at) SELECT * FROM UNNEST($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO lab_version (id, lab_id, number, digest, title, spec, commit_sha, location, files, bytes, command_id, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO snapshot (id, lab_session_id, digest, files, bytes, builder, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id AS key
SELECT * FROM command WHERE id = $1
SELECT * FROM erasure WHERE id > $1 ORDER BY id LIMIT $2
SELECT * FROM lab WHERE slug = $1
SELECT * FROM lab_version WHERE id = $1
SELECT * FROM lab_version WHERE lab_id = $1 AND digest = $2
SELECT * FROM lab_version WHERE lab_id = $1 ORDER BY number DESC LIMIT 1
SELECT * FROM push WHERE id = $1
SELECT * FROM snapshot WHERE lab_session_id = $1 AND digest = ANY($2)
SELECT 1
SELECT id, backup_id, recorded_at FROM restore_unfinished ORDER BY recorded_at DESC LIMIT 1
SELECT lab_attempt.* FROM lab_attempt JOIN UNNEST($1::uuid[], $2::text[]) AS wanted (session, commit) ON lab_session_id = wanted.session AND commit_sha = wanted.commit
SELECT lab_attempt_id AS id FROM attempt_erased WHERE lab_attempt_id = ANY($1) UNION SELECT kept.lab_attempt_id FROM attempt_snapshot AS kept JOIN removal ON removal.kind = 'snapshot' AND removal.subject_id = kept.snapshot_id WHERE kept.lab_attempt_id = ANY($1)
SELECT lab_attempt_id, digest FROM attempt_snapshot JOIN snapshot ON snapshot.id = snapshot_id WHERE lab_attempt_id = ANY($1)
SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v WHERE oid IS NOT NULL
SELECT pg_advisory_xact_lock(hashtextextended('lab:' || $1, 0))
SELECT to_regclass('restore_unfinished') IS NOT NULL AS there
SELECT version FROM schema_version ORDER BY version
