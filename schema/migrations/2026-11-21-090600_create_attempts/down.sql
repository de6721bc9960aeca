DROP VIEW lab_attempt_numbered;
DROP TABLE verification_request;
DROP TABLE lab_attempt;
