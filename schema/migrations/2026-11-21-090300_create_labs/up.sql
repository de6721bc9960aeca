CREATE TABLE lab (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    recorded_at timestamptz NOT NULL
);
SELECT make_append_only('lab');

-- One immutable state of a lab. `digest` is its snapshot's; `spec` is the validated lab.toml.
CREATE TABLE lab_version (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab (id),
    number integer NOT NULL CHECK (number > 0),
    digest text NOT NULL,
    title text NOT NULL,
    spec jsonb NOT NULL,
    commit_sha text NOT NULL,
    location text NOT NULL,
    files integer NOT NULL CHECK (files >= 0),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    command_id uuid NOT NULL REFERENCES command (id),
    recorded_at timestamptz NOT NULL,
    UNIQUE (lab_id, number),
    UNIQUE (lab_id, digest)
);
CREATE INDEX lab_version_command ON lab_version (command_id);
SELECT make_append_only('lab_version');

GRANT INSERT, SELECT ON lab, lab_version TO assay_snapshot_builder;
GRANT SELECT ON lab, lab_version TO assay_attempt_writer, assay_verifier;
