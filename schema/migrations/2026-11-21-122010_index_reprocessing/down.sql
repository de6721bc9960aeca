DROP INDEX command_stopped;
DROP INDEX lab_attempt_session_received;
DROP INDEX lab_attempt_received_at;
