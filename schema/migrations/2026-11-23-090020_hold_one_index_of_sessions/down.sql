CREATE INDEX lab_attempt_session_received ON lab_attempt (lab_session_id, received_at, id);
