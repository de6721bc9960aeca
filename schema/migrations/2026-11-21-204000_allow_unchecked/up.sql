-- A lab whose executor is `none` has nothing run, for load tests of what is around the boxes. Its
-- result is a word of its own, so that nobody can take it for a pass, and it has no snapshot.
ALTER TABLE verification_attempt
    DROP CONSTRAINT verification_attempt_result_check,
    DROP CONSTRAINT verification_attempt_check2,
    ADD CONSTRAINT verification_attempt_result_check
        CHECK (result IN ('pass', 'fail', 'error', 'superseded', 'unchecked')),
    ADD CONSTRAINT verification_attempt_snapshot_check
        CHECK (result IN ('error', 'unchecked') OR snapshot_digest IS NOT NULL),
    -- Nothing was run, so nothing was earned.
    ADD CONSTRAINT verification_attempt_unchecked_check
        CHECK (result <> 'unchecked' OR (points = 0 AND points_max = 0));
