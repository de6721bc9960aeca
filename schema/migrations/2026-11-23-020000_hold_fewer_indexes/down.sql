ALTER TABLE privacy.named_in_body DROP CONSTRAINT named_in_body_delivery_id_body_digest_fkey;
ALTER TABLE privacy.delivery_body DROP CONSTRAINT delivery_body_pkey;
ALTER TABLE privacy.delivery_body ADD PRIMARY KEY (delivery_id, body_digest);
CREATE INDEX delivery_body_digest ON privacy.delivery_body (body_digest);
ALTER TABLE privacy.named_in_body
    ADD FOREIGN KEY (delivery_id, body_digest)
    REFERENCES privacy.delivery_body (delivery_id, body_digest);

ALTER TABLE verification_request
    DROP CONSTRAINT verification_request_lab_attempt_id_lab_version_id_cause_key;
ALTER TABLE verification_request ADD UNIQUE (cause, lab_attempt_id, lab_version_id);
CREATE INDEX verification_request_attempt ON verification_request (lab_attempt_id);
