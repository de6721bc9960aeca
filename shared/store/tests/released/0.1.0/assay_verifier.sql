DELETE FROM work.lease WHERE request_id = $1 AND try_number = $2
DELETE FROM work.turn WHERE request_id = $1
INSERT INTO verification_attempt (id, request_id, try_number, token, result, cause, detail, points, points_max, steps, limits, peaks, snapshot_digest, lab_version_digest, log_digest, log_bytes, runner, worker, retry_at, started_at, finished_at, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING RETURNING id AS key
INSERT INTO verification_claim SELECT $1, $2, coalesce(max(token), 0) + 1, $3, $4 FROM verification_claim WHERE request_id = $1 AND try_number = $2 ON CONFLICT DO NOTHING RETURNING *
INSERT INTO verification_origin (verification_attempt_id, lane, box_of, box_digest, tools, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING verification_attempt_id AS key
INSERT INTO verification_refused (request_id, try_number, token, worker, result, cause, reason, started_at, finished_at, recorded_at) SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING request_id AS key
INSERT INTO work.lease AS lease VALUES ($1, $2, 0, $3, clock_timestamp() + $4 * interval '1 second') ON CONFLICT (request_id, try_number) DO UPDATE SET token = 0, worker = excluded.worker, held_until = excluded.held_until, lost = lease.lost + (lease.held_until IS NOT NULL)::integer WHERE lease.held_until IS NULL OR lease.held_until <= clock_timestamp() RETURNING lost::bigint AS left
INSERT INTO work.turn (request_id, lab_session_id, held_until) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second') ON CONFLICT (request_id) DO UPDATE SET held_until = excluded.held_until
INSERT INTO work.turn (request_id, lab_session_id, message) VALUES ($1, $2, $3) ON CONFLICT (request_id) DO UPDATE SET message = excluded.message WHERE turn.message IS NULL
SELECT * FROM verification_attempt WHERE request_id = $1 AND try_number = $2
SELECT * FROM verification_claim WHERE request_id = $1 AND try_number = $2 ORDER BY token
SELECT 1
SELECT EXISTS (SELECT FROM work.turn WHERE request_id = $1 AND held_until > clock_timestamp()) AS said
SELECT ceil(extract(epoch FROM held_until - clock_timestamp()) * 1000)::bigint AS left FROM work.lease WHERE request_id = $1 AND try_number = $2
SELECT id, backup_id, recorded_at FROM restore_unfinished ORDER BY recorded_at DESC LIMIT 1
SELECT lab_version.* FROM verification_request JOIN lab_version ON lab_version.id = lab_version_id WHERE verification_request.id = $1
SELECT message FROM work.turn WHERE lab_session_id = $1 AND held_until > clock_timestamp() AND message IS NOT NULL LIMIT 1
SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v WHERE oid IS NOT NULL
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))
SELECT request_id FROM work.turn WHERE lab_session_id = $1 AND held_until > clock_timestamp() LIMIT 1
SELECT to_regclass('restore_unfinished') IS NOT NULL AS there
SELECT version FROM schema_version ORDER BY version
UPDATE work.lease SET held_until = clock_timestamp() + $4 * interval '1 second' WHERE request_id = $1 AND try_number = $2 AND token = $3
UPDATE work.lease SET token = $3 WHERE request_id = $1 AND try_number = $2
UPDATE work.turn SET held_until = NULL WHERE lab_session_id = $1
UPDATE work.turn SET held_until = clock_timestamp() + $2 * interval '1 second' WHERE request_id = $1 AND held_until IS NOT NULL
UPDATE work.turn SET held_until = clock_timestamp() + $2 * interval '1 second' WHERE request_id = (SELECT request_id FROM work.turn WHERE lab_session_id = $1 AND message IS NOT NULL ORDER BY place LIMIT 1) AND NOT EXISTS (SELECT FROM work.turn WHERE lab_session_id = $1 AND held_until > clock_timestamp())
