DROP VIEW verification_result;
DROP TABLE verification_attempt;
DROP TABLE verification_claim;
