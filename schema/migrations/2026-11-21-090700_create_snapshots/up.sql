-- A preserved tree. Same tree, same digest, one row a session.
CREATE TABLE snapshot (
    id uuid PRIMARY KEY,
    lab_session_id uuid NOT NULL REFERENCES lab_session (id),
    digest text NOT NULL,
    files integer NOT NULL CHECK (files >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    builder text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (lab_session_id, digest)
);
SELECT make_append_only('snapshot');

-- Which tree an attempt's commit has, and where the webhook's claims differ from git.
CREATE TABLE attempt_snapshot (
    lab_attempt_id uuid PRIMARY KEY REFERENCES lab_attempt (id),
    snapshot_id uuid NOT NULL REFERENCES snapshot (id),
    differs jsonb,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX attempt_snapshot_snapshot ON attempt_snapshot (snapshot_id);
SELECT make_append_only('attempt_snapshot');

GRANT INSERT, SELECT ON snapshot, attempt_snapshot TO assay_snapshot_builder;
GRANT SELECT ON snapshot, attempt_snapshot TO assay_attempt_writer, assay_verifier;
