DROP VIEW attempt_erased;
DROP TABLE removal;
DROP TABLE legal_hold;
DROP TABLE erasure;
