-- Each row of a push is entered into every index of its table, a fifth of what Postgres does in a rush.
-- Where one index begins with the columns of another, that other one is not needed (decision 0168).

-- Its requests are looked for by an attempt, never by a cause alone.
ALTER TABLE verification_request
    DROP CONSTRAINT verification_request_cause_lab_attempt_id_lab_version_id_key;
ALTER TABLE verification_request ADD UNIQUE (lab_attempt_id, lab_version_id, cause);
DROP INDEX verification_request_attempt;

-- A body is looked for by its digest, and by its digest and delivery.
ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_delivery_id_body_digest_fkey;
ALTER TABLE privacy.delivery_body DROP CONSTRAINT delivery_body_pkey;
ALTER TABLE privacy.delivery_body ADD PRIMARY KEY (body_digest, delivery_id);
DROP INDEX privacy.delivery_body_digest;
ALTER TABLE privacy.named_in_body
    ADD FOREIGN KEY (delivery_id, body_digest)
    REFERENCES privacy.delivery_body (delivery_id, body_digest);
