-- Whether somebody is known to have pushed is asked of the attempt's own push, by its key: as a join it was
-- planned as a read of every push that nobody is known to have made (decision 0176).
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
WHERE attempt.received_at <= erasure.erased_at
    AND (SELECT push.pusher_id FROM push WHERE push.id = attempt.push_id) IS NULL;
