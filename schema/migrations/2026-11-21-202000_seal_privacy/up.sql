-- What identifies a person lies sealed, each person's under a key of its own, which is wrapped by a
-- master key that the database never sees. Whoever has the tables alone reads nothing, and whoever is
-- erased loses the key (design §9).

-- Nothing was released that wrote the plain columns, and what is sealed cannot be made here: the
-- keys are not the database's. Rows in clear are let go rather than kept beside sealed ones.
DROP TABLE privacy.delivery_body;
DROP TABLE privacy.person;

-- A key for each person, and for each source: what names nobody is sealed by its source's.
CREATE TABLE privacy.person_key (
    -- A principal's id, or the one computed of a source.
    owner_id uuid PRIMARY KEY,
    -- Which of the settings' master keys wraps it.
    master_key text NOT NULL,
    wrapped bytea NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE privacy.person (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    -- Login, name and address, as sealed JSON.
    sealed bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- What is sealed has its key: neither stays without the other.
    FOREIGN KEY (principal_id) REFERENCES privacy.person_key (owner_id)
);

-- A raw body and its headers, sealed by the key of whoever pushed it. A large body is a sealed object
-- instead, named by delivery and digest.
CREATE TABLE privacy.delivery_body (
    delivery_id uuid NOT NULL REFERENCES delivery_receipt (delivery_id),
    body_digest text NOT NULL,
    owner_id uuid NOT NULL REFERENCES privacy.person_key (owner_id),
    -- The zstd frame, sealed.
    sealed_body bytea,
    sealed_headers bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, body_digest)
);
CREATE INDEX delivery_body_owner ON privacy.delivery_body (owner_id);
CREATE INDEX delivery_body_recorded ON privacy.delivery_body (recorded_at);
CREATE INDEX delivery_body_digest ON privacy.delivery_body (body_digest);

-- Whom a body names, its owner among them: a body goes with anybody whom it names.
CREATE TABLE privacy.named_in_body (
    principal_id uuid NOT NULL REFERENCES principal (id),
    delivery_id uuid NOT NULL,
    body_digest text NOT NULL,
    PRIMARY KEY (principal_id, delivery_id, body_digest),
    FOREIGN KEY (delivery_id, body_digest)
        REFERENCES privacy.delivery_body (delivery_id, body_digest)
);
CREATE INDEX named_in_body_body ON privacy.named_in_body (delivery_id, body_digest);

GRANT INSERT, SELECT, DELETE ON privacy.person, privacy.delivery_body, privacy.named_in_body
    TO assay_attempt_writer;
-- UPDATE: a key is wrapped anew by another master key; and a row is locked by who seals with it.
GRANT INSERT, SELECT, UPDATE, DELETE ON privacy.person_key TO assay_attempt_writer;

-- Reads what is sealed, for `assay privacy`, and nothing else.
DO $$
BEGIN
    CREATE ROLE assay_privacy LOGIN NOINHERIT;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
GRANT USAGE ON SCHEMA public, privacy TO assay_privacy;
GRANT SELECT ON schema_version TO assay_privacy;
GRANT SELECT ON privacy.person_key, privacy.person, privacy.delivery_body, privacy.named_in_body,
    principal TO assay_privacy;
