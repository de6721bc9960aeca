-- What is unique of an attempt begins with its session as well, and a session's attempts are few
-- enough to be sorted when they are asked for in their order (decision 0174).
DROP INDEX lab_attempt_session_received;
