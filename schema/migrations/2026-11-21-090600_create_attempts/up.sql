-- One commit pushed in a session. `listed` says who named it: the payload, or git.
CREATE TABLE lab_attempt (
    id uuid PRIMARY KEY,
    lab_session_id uuid NOT NULL REFERENCES lab_session (id),
    push_id uuid NOT NULL REFERENCES push (id),
    delivery_id uuid NOT NULL REFERENCES delivery (id),
    commit_sha text NOT NULL,
    branch text NOT NULL,
    author_id uuid REFERENCES principal (id),
    changed_files jsonb,
    committed_at timestamptz,
    received_at timestamptz NOT NULL,
    listed text NOT NULL CHECK (listed IN ('payload', 'git')),
    trace_id text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (lab_session_id, commit_sha)
);
CREATE INDEX lab_attempt_push ON lab_attempt (push_id);
CREATE INDEX lab_attempt_delivery ON lab_attempt (delivery_id);
CREATE INDEX lab_attempt_author ON lab_attempt (author_id);
SELECT make_append_only('lab_attempt');

-- A reason to verify an attempt with a lab version: a push, a reprocess command, a regression
-- run, a replay.
CREATE TABLE verification_request (
    id uuid PRIMARY KEY,
    cause text NOT NULL,
    lab_attempt_id uuid NOT NULL REFERENCES lab_attempt (id),
    lab_version_id uuid NOT NULL REFERENCES lab_version (id),
    lane text NOT NULL CHECK (lane IN ('live', 'bulk')),
    trace_id text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (cause, lab_attempt_id, lab_version_id)
);
CREATE INDEX verification_request_attempt ON verification_request (lab_attempt_id);
CREATE INDEX verification_request_version ON verification_request (lab_version_id);
SELECT make_append_only('verification_request');

GRANT INSERT, SELECT ON lab_attempt, verification_request TO assay_attempt_writer;
GRANT SELECT ON lab_attempt, verification_request TO assay_snapshot_builder, assay_verifier;

-- An attempt's number within its session is a view's, not a column: late commits of an earlier
-- push may still come.
CREATE VIEW lab_attempt_numbered AS
SELECT *, row_number() OVER (PARTITION BY lab_session_id ORDER BY received_at, id)
    AS attempt_number
FROM lab_attempt;
GRANT SELECT ON lab_attempt_numbered TO assay_reader;
