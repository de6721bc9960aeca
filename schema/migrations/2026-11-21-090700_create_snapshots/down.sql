DROP TABLE attempt_snapshot;
DROP TABLE snapshot;
