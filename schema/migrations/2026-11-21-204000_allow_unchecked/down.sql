-- Rows that say `unchecked` stay, since the ledger only grows; what is new is held to the old rule.
ALTER TABLE verification_attempt
    DROP CONSTRAINT verification_attempt_unchecked_check,
    DROP CONSTRAINT verification_attempt_snapshot_check,
    DROP CONSTRAINT verification_attempt_result_check,
    ADD CONSTRAINT verification_attempt_result_check
        CHECK (result IN ('pass', 'fail', 'error', 'superseded')) NOT VALID,
    ADD CONSTRAINT verification_attempt_check2
        CHECK (result = 'error' OR snapshot_digest IS NOT NULL) NOT VALID;
