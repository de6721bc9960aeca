-- A reprocess command goes through attempts page by page, by when they were received: in all, or
-- in a session.
CREATE INDEX lab_attempt_received_at ON lab_attempt (received_at, id);
CREATE INDEX lab_attempt_session_received ON lab_attempt (lab_session_id, received_at, id);
-- Whether somebody has stopped a reprocess command is asked before each page.
CREATE INDEX command_stopped ON command ((body ->> 'stops')) WHERE kind = 'reprocess-stop';
