REVOKE SELECT ON principal FROM assay_privacy;
REVOKE SELECT ON schema_version FROM assay_privacy;
DROP TABLE privacy.named_in_body;
DROP TABLE privacy.delivery_body;
DROP TABLE privacy.person;
DROP TABLE privacy.person_key;
REVOKE USAGE ON SCHEMA public, privacy FROM assay_privacy;
-- The role stays where another database of the cluster still grants it something.
DO $$
BEGIN
    DROP ROLE IF EXISTS assay_privacy;
EXCEPTION WHEN dependent_objects_still_exist THEN
    NULL;
END $$;

CREATE TABLE privacy.person (
    principal_id uuid PRIMARY KEY REFERENCES principal (id),
    login text,
    name text,
    email text,
    recorded_at timestamptz NOT NULL
);
CREATE TABLE privacy.delivery_body (
    delivery_id uuid NOT NULL REFERENCES delivery_receipt (delivery_id),
    body_digest text NOT NULL,
    body_zstd bytea,
    headers jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, body_digest)
);
GRANT INSERT, SELECT ON privacy.person, privacy.delivery_body TO assay_attempt_writer;
