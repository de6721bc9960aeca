-- What must be erasable lives apart from the ledger: who a pseudonym is, and the raw bodies.
CREATE SCHEMA privacy;
GRANT USAGE ON SCHEMA privacy TO assay_attempt_writer;

CREATE TABLE privacy.person (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    login text,
    name text,
    email text,
    recorded_at timestamptz NOT NULL
);

-- The raw body as zstd, or NULL where it is an object named by its digest (claim check).
CREATE TABLE privacy.delivery_body (
    delivery_id uuid NOT NULL REFERENCES delivery_receipt (delivery_id),
    body_digest text NOT NULL,
    body_zstd bytea,
    headers jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, body_digest)
);

GRANT INSERT, SELECT ON privacy.person, privacy.delivery_body TO assay_attempt_writer;
