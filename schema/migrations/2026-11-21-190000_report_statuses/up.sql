-- Status-reporter tells the forges how their commits stand. It has a role of its own, as every
-- service has.
DO $$
BEGIN
    CREATE ROLE assay_status_reporter LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT USAGE ON SCHEMA public, work TO assay_status_reporter;
GRANT SELECT ON schema_version TO assay_status_reporter;

-- What a forge was told of an attempt, and whether it took it. The row names the request and the try
-- that were told of, so that whether there is more to tell is a comparison without clocks.
CREATE TABLE status_report (
    id uuid PRIMARY KEY,
    lab_attempt_id uuid NOT NULL REFERENCES lab_attempt (id),
    -- Counts the attempt's reports, from 1: of two that were made at once one is kept.
    number integer NOT NULL CHECK (number > 0),
    request_id uuid NOT NULL REFERENCES verification_request (id),
    -- NULL while the request had no result.
    try_number integer CHECK (try_number > 0),
    state text NOT NULL CHECK (state IN ('pending', 'success', 'failure', 'error')),
    -- Digest of what was sent.
    digest text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    reason text,
    recorded_at timestamptz NOT NULL,
    UNIQUE (lab_attempt_id, number),
    CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
CREATE INDEX status_report_request ON status_report (request_id);
SELECT make_append_only('status_report');

-- Attempts of which there may be something to tell. No part of the ledger: a row that is lost is
-- found again by looking at what was told.
CREATE TABLE work.status_due (
    lab_attempt_id uuid PRIMARY KEY REFERENCES lab_attempt (id),
    source text NOT NULL,
    repository text NOT NULL,
    -- Grows with each hint, so that one that comes while its attempt is told of is not forgotten.
    hints bigint NOT NULL DEFAULT 1,
    noted_at timestamptz NOT NULL
);
CREATE INDEX status_due_source ON work.status_due (source, noted_at, lab_attempt_id);

-- Where a forge refuses us: a whole source (its token), or a repository. What is due there waits,
-- and an operator sees one row instead of thousands. Gone when the forge takes a status again.
CREATE TABLE work.status_trouble (
    source text NOT NULL,
    -- Empty: the whole source.
    repository text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    again_at timestamptz NOT NULL,
    PRIMARY KEY (source, repository)
);

GRANT INSERT, SELECT ON status_report, audit_entry, ledger_pending TO assay_status_reporter;
GRANT SELECT ON lab_attempt, lab_attempt_received, lab_session, lab, verification_request,
    verification_attempt TO assay_status_reporter;
GRANT INSERT, SELECT, UPDATE, DELETE ON work.status_due, work.status_trouble
    TO assay_status_reporter;
GRANT SELECT ON work.status_due, work.status_trouble TO assay_reader;
-- What was asked for lately is held against what was told.
CREATE INDEX verification_request_recorded ON verification_request (recorded_at);
