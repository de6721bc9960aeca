-- The ledger says what is to be done, the queue only carries it: what was lost with the broker's data
-- is asked for again. One row is one asking, so that it is known how often and when, and so that two
-- writers which see the same ask once. Without a request it is the attempt's tree that is asked for.
CREATE TABLE work_remade (
    id uuid PRIMARY KEY,
    lab_attempt_id uuid NOT NULL REFERENCES lab_attempt (id),
    request_id uuid REFERENCES verification_request (id),
    -- The try that is asked for.
    try_number integer NOT NULL CHECK (try_number > 0),
    -- The how manieth asking it is.
    number integer NOT NULL CHECK (number > 0),
    recorded_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (lab_attempt_id, request_id, number)
);
CREATE INDEX work_remade_request ON work_remade (request_id);
SELECT make_append_only('work_remade');
GRANT INSERT, SELECT ON work_remade TO assay_attempt_writer;
