-- Who was erased, for ever and in every copy of the ledger: a restore erases them again before it
-- serves. What was received up to `erased_at` is theirs, whenever it is taken in.
CREATE TABLE erasure (
    id uuid PRIMARY KEY,
    command_id uuid NOT NULL,
    principal_id uuid NOT NULL REFERENCES principal (id),
    erased_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (principal_id, command_id)
);
CREATE INDEX erasure_command ON erasure (command_id);
SELECT make_append_only('erasure');

-- Who must not be erased now. The newest row of a person holds.
CREATE TABLE legal_hold (
    id uuid PRIMARY KEY,
    command_id uuid NOT NULL,
    principal_id uuid NOT NULL REFERENCES principal (id),
    action text NOT NULL CHECK (action IN ('held', 'released')),
    recorded_at timestamptz NOT NULL,
    UNIQUE (principal_id, command_id)
);
SELECT make_append_only('legal_hold');

-- What was removed, written before it was: by an erasure, or by a rule of retention.
CREATE TABLE removal (
    id uuid PRIMARY KEY,
    -- The command, or the run of retention, that it belongs to.
    cause_id uuid NOT NULL,
    cause text NOT NULL CHECK (cause IN ('erasure', 'retention')),
    kind text NOT NULL CHECK (kind IN ('raw-body', 'log', 'snapshot')),
    -- The delivery, the verification attempt, or the snapshot.
    subject_id uuid NOT NULL,
    -- Of the bytes that went.
    digest text NOT NULL,
    lab_session_id uuid REFERENCES lab_session (id),
    recorded_at timestamptz NOT NULL,
    CHECK ((kind = 'raw-body') = (lab_session_id IS NULL)),
    UNIQUE (kind, subject_id, digest, cause_id)
);
CREATE INDEX removal_session ON removal (lab_session_id);
CREATE INDEX removal_cause ON removal (cause_id);
CREATE INDEX removal_recorded ON removal (recorded_at);
SELECT make_append_only('removal');

GRANT INSERT, SELECT ON erasure, legal_hold, removal TO assay_attempt_writer;

-- Whose an attempt is: whoever pushed it; its author, where nobody says who pushed.
CREATE VIEW attempt_erased AS
SELECT attempt.id AS lab_attempt_id, attempt.lab_session_id, erasure.command_id, erasure.erased_at
FROM erasure
JOIN push ON push.pusher_id = erasure.principal_id
JOIN lab_attempt AS attempt ON attempt.push_id = push.id
WHERE attempt.received_at <= erasure.erased_at
UNION ALL
SELECT attempt.id, attempt.lab_session_id, erasure.command_id, erasure.erased_at
FROM erasure
JOIN lab_attempt AS attempt ON attempt.author_id = erasure.principal_id
JOIN push ON push.id = attempt.push_id AND push.pusher_id IS NULL
WHERE attempt.received_at <= erasure.erased_at;

-- Snapshot-builder brings nothing back that was removed, and forgets its caches of erased people.
GRANT SELECT ON erasure, removal, attempt_erased TO assay_snapshot_builder;
GRANT SELECT ON attempt_erased TO assay_attempt_writer, assay_reader;
