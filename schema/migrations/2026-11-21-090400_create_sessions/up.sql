-- A pseudonymous person: `account` is a keyed hash, so that the ledger names nobody.
CREATE TABLE principal (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    account text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (provider, account)
);
SELECT make_append_only('principal');

-- One person's run of a lab version in one repository. At most one is open for a lab and
-- repository: `generation` counts them, and a later one may only follow a closed one.
CREATE TABLE lab_session (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab (id),
    lab_version_id uuid NOT NULL REFERENCES lab_version (id),
    repository text NOT NULL,
    generation integer NOT NULL DEFAULT 1 CHECK (generation > 0),
    starting_commit text,
    closes_at timestamptz,
    opened_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (lab_id, repository, generation)
);
CREATE INDEX lab_session_version ON lab_session (lab_version_id);
CREATE INDEX lab_session_repository ON lab_session (repository);
SELECT make_append_only('lab_session');

GRANT INSERT, SELECT ON principal, lab_session TO assay_attempt_writer;
GRANT SELECT ON principal, lab_session TO assay_snapshot_builder, assay_verifier;
