-- Who works on a request's try. The newest token holds it; a result under an older one is
-- refused.
CREATE TABLE verification_claim (
    request_id uuid NOT NULL REFERENCES verification_request (id),
    try_number integer NOT NULL CHECK (try_number > 0),
    token bigint NOT NULL CHECK (token > 0),
    worker text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (request_id, try_number, token)
);
SELECT make_append_only('verification_claim');

-- One try of a request, with its result and what makes it reproducible (promise P4).
CREATE TABLE verification_attempt (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES verification_request (id),
    try_number integer NOT NULL CHECK (try_number > 0),
    token bigint NOT NULL CHECK (token > 0),
    result text NOT NULL CHECK (result IN ('pass', 'fail', 'error', 'superseded')),
    cause text,
    detail text,
    points integer NOT NULL CHECK (points >= 0),
    points_max integer NOT NULL CHECK (points_max >= points),
    steps jsonb NOT NULL,
    limits jsonb NOT NULL,
    peaks jsonb NOT NULL,
    snapshot_digest text,
    lab_version_digest text NOT NULL,
    log_digest text,
    log_bytes bigint,
    runner text NOT NULL,
    worker text NOT NULL,
    retry_at timestamptz,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    UNIQUE (request_id, try_number),
    CHECK ((result = 'error') = (cause IS NOT NULL)),
    CHECK (result = 'error' OR snapshot_digest IS NOT NULL)
);
CREATE INDEX verification_attempt_result ON verification_attempt (result, recorded_at);
SELECT make_append_only('verification_attempt');

GRANT INSERT, SELECT ON verification_claim, verification_attempt TO assay_verifier;
GRANT SELECT ON verification_attempt TO assay_attempt_writer, assay_snapshot_builder;

-- The newest try of each request: what the request's result is now.
CREATE VIEW verification_result AS
SELECT DISTINCT ON (request_id) *
FROM verification_attempt
ORDER BY request_id, try_number DESC;
GRANT SELECT ON verification_result TO assay_reader, assay_attempt_writer, assay_snapshot_builder,
    assay_verifier;
