-- What became of a command. Written by the service that owns the table it changes.
CREATE TABLE command (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    actor text NOT NULL,
    body jsonb NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    reason text,
    result jsonb,
    recorded_at timestamptz NOT NULL,
    CHECK ((outcome = 'refused') = (reason IS NOT NULL))
);
SELECT make_append_only('command');
GRANT INSERT, SELECT ON command TO assay_attempt_writer, assay_snapshot_builder;

-- A message that cannot succeed, and, as further rows, what became of it.
CREATE TABLE dead_letter (
    id uuid PRIMARY KEY,
    message_id text NOT NULL,
    stream text NOT NULL,
    consumer text NOT NULL,
    subject text NOT NULL,
    action text NOT NULL CHECK (action IN ('dead-lettered', 'sent-back', 'discarded')),
    actor text NOT NULL,
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX dead_letter_message ON dead_letter (message_id);
SELECT make_append_only('dead_letter');
GRANT INSERT, SELECT ON dead_letter
    TO assay_attempt_writer, assay_snapshot_builder, assay_verifier, assay_auditor;
