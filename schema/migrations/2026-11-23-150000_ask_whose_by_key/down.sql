CREATE OR REPLACE VIEW attempt_erased AS
SELECT attempt.id AS lab_attempt_id, attempt.lab_session_id, erasure.command_id, erasure.erased_at
FROM erasure
JOIN push ON push.pusher_id = erasure.principal_id
JOIN lab_attempt AS attempt ON attempt.push_id = push.id
WHERE attempt.received_at <= erasure.erased_at
UNION ALL
SELECT attempt.id, attempt.lab_session_id, erasure.command_id, erasure.erased_at
FROM erasure
JOIN lab_attempt AS attempt ON attempt.author_id = erasure.principal_id
JOIN push ON push.id = attempt.push_id AND push.pusher_id IS NULL
WHERE attempt.received_at <= erasure.erased_at;
